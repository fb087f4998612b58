//! Files that are not what they should be.

use resonance_testkit::on_both;
use serde_json::json;
use tests::{picture, recording, wav};

use super::desk::Desk;

/// A PNG that says it is this wide and high, with hardly any data.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = picture();
    file[16..20].copy_from_slice(&width.to_be_bytes());
    file[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc(&file[12..29]);
    file[29..33].copy_from_slice(&sum.to_be_bytes());
    file
}

/// The checksum of PNG chunks (ISO 3309).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |mut sum, byte| {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 {
                (sum >> 1) ^ 0xEDB8_8320
            } else {
                sum >> 1
            };
        }
        sum
    })
}

on_both! {
    async fn pictures_that_are_none(backend: Backend) {
        let desk = Desk::new(backend).await;
        let input = json!({ "organizationId": desk.organization, "logo": null });
        let truncated = picture()[..50].to_vec();
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec();
        let mut renamed = b"\x89PNG\r\n\x1a\n".to_vec();
        renamed.extend_from_slice(&[0; 1000]);
        desk.refuses_files("setOrganizationLogo", "logo", input.clone(), vec![
            ("nothing", Vec::new(), "IMAGE_UNREADABLE logo"),
            ("a text", b"hello".to_vec(), "IMAGE_UNREADABLE logo"),
            ("a truncated picture", truncated, "IMAGE_UNREADABLE logo"),
            ("a picture that bursts", png(50_000, 50_000), "IMAGE_UNREADABLE logo"),
            ("a picture of no size", png(0, 0), "IMAGE_UNREADABLE logo"),
            ("a drawing with a script", svg, "IMAGE_UNREADABLE logo"),
            ("nothing but the name of a picture", renamed, "IMAGE_UNREADABLE logo"),
            ("eleven megabytes", vec![0; 11 << 20], "FILE_TOO_LARGE logo"),
        ]).await;
        // The machinery is right: a real picture passes.
        let file = Some(("logo", picture()));
        assert_eq!(desk.hand_in_with(&desk.admin.client, "setOrganizationLogo", input, file).await, "");
    }

    async fn recordings_that_are_none(backend: Backend) {
        let desk = Desk::new(backend).await;
        let with = |changes: serde_json::Value| {
            let mut input = json!({
                "organizationId": desk.organization,
                "name": "Narrator",
                "sample": null,
                "consent": { "attested": true, "statement": "It is me." },
            });
            for (key, value) in changes.as_object().unwrap() {
                input[key] = value.clone();
            }
            input
        };
        let good = recording(10.5);
        let mut lying = good[..44].to_vec();
        lying.extend_from_slice(&[0; 100]);
        let noise: Vec<u8> = (0..100_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        let mut broken_ogg = b"OggS\x00\x02".to_vec();
        broken_ogg.extend_from_slice(&noise);
        let mut broken_mp3 = b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f".to_vec();
        broken_mp3.extend_from_slice(&noise[..5000]);
        desk.refuses_files("createVoice", "sample", with(json!({})), vec![
            ("nothing", Vec::new(), "AUDIO_UNREADABLE sample"),
            ("a text", b"This is no sound.".to_vec(), "AUDIO_UNREADABLE sample"),
            ("noise", noise, "AUDIO_UNREADABLE sample"),
            ("a picture", picture(), "AUDIO_UNREADABLE sample"),
            ("half an Ogg", broken_ogg, "AUDIO_UNREADABLE sample"),
            ("half an MP3", broken_mp3, "AUDIO_UNREADABLE sample"),
            ("half a header", good[..20].to_vec(), "AUDIO_UNREADABLE sample"),
            ("a file that promises more than it holds", lying, "AUDIO_TOO_SHORT sample"),
            ("nine seconds", recording(9.0), "AUDIO_TOO_SHORT sample"),
            ("silence", wav(&[0; 12 * 32_000], 16_000), "AUDIO_SILENT sample"),
            ("21 megabytes", vec![0; 21 << 20], "FILE_TOO_LARGE sample"),
        ]).await;
        for (changes, expected) in [
            (json!({ "name": "" }), "TOO_SHORT name"),
            (json!({ "name": "x".repeat(101) }), "TOO_LONG name"),
            (json!({ "description": "x".repeat(501) }), "TOO_LONG description"),
            (json!({ "language": "nonsense!" }), "INVALID language"),
            (json!({ "language": "tlh-KX" }), "UNSUPPORTED language"),
            (json!({ "engine": "nonsense" }), "UNSUPPORTED engine"),
            (json!({ "consent": { "attested": false, "statement": "It is me." } }), "CONSENT_REQUIRED consent.attested"),
            (json!({ "consent": { "attested": true, "statement": "" } }), "TOO_SHORT consent.statement"),
            (json!({ "consent": { "attested": true, "statement": "x".repeat(1001) } }), "TOO_LONG consent.statement"),
            (json!({ "organizationId": "nonsense" }), "INVALID organizationId"),
            (json!({ "category": "YODELLING" }), "!GRAPHQL_VALIDATION_FAILED"),
        ] {
            let cases = vec![("a good recording", good.clone(), expected)];
            desk.refuses_files("createVoice", "sample", with(changes), cases).await;
        }
        let file = Some(("sample", good));
        assert_eq!(desk.hand_in_with(&desk.admin.client, "createVoice", with(json!({})), file).await, "");
    }
}
