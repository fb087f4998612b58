//! Logos, from files that the tests make themselves.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use resonance_images::{Logo, LogoError, logo};

const RED: Rgb<u8> = Rgb([255, 0, 0]);
const BLUE: Rgb<u8> = Rgb([0, 0, 255]);

/// Left half red, right half blue.
fn two_halves(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, _| if x < width / 2 { RED } else { BLUE }).into()
}

fn file(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decoded(logo: &Logo) -> RgbaImage {
    let picture = image::load_from_memory_with_format(&logo.png, ImageFormat::Png).unwrap();
    assert_eq!((picture.width(), picture.height()), (logo.width, logo.height));
    picture.into_rgba8()
}

fn near(pixel: &Rgba<u8>, expected: [u8; 4]) -> bool {
    pixel.0.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 12)
}

/// A PNG chunk, with its length and checksum.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [kind, data].concat();
    let crc = body.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            }
        })
    });
    [
        &u32::try_from(data.len()).unwrap().to_be_bytes(),
        body.as_slice(),
        &(!crc).to_be_bytes(),
    ]
    .concat()
}

/// A PNG file that declares a size, with 8-bit RGBA pixels, and then has little to say.
fn png_of_declared_size(width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    [
        b"\x89PNG\r\n\x1a\n",
        chunk(b"IHDR", &header).as_slice(),
        &chunk(b"IDAT", &[0x78, 0x9c, 0x03, 0x00]),
        &chunk(b"IEND", &[]),
    ]
    .concat()
}

#[test]
fn every_accepted_format_becomes_the_same_picture() {
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Gif,
        ImageFormat::WebP,
    ] {
        let made = logo(&file(&two_halves(64, 32), format)).unwrap();
        assert_eq!((made.width, made.height), (64, 32), "{format:?}");
        let picture = decoded(&made);
        assert!(near(picture.get_pixel(8, 16), [255, 0, 0, 255]), "{format:?}");
        assert!(near(picture.get_pixel(56, 16), [0, 0, 255, 255]), "{format:?}");
    }
}

#[test]
fn large_pictures_are_scaled_down_and_keep_their_shape() {
    for (width, height, expected) in [
        (513, 513, (512, 512)),
        (2_000, 1_000, (512, 256)),
        (300, 3_000, (51, 512)),
        (5_000, 2, (512, 1)),
        (512, 512, (512, 512)),
    ] {
        let made = logo(&file(&two_halves(width, height), ImageFormat::Png)).unwrap();
        assert_eq!((made.width, made.height), expected);
        let picture = decoded(&made);
        assert!(
            near(picture.get_pixel(0, 0), [255, 0, 0, 255]),
            "{width}x{height}"
        );
        assert!(
            near(picture.get_pixel(expected.0 - 1, 0), [0, 0, 255, 255]),
            "{width}x{height}"
        );
    }
}

#[test]
fn deep_grey_and_indexed_pictures_come_out_in_eight_bits() {
    let deep = DynamicImage::from(two_halves(32, 32).into_rgba16());
    let grey = DynamicImage::from(two_halves(32, 32).into_luma16());
    assert!(near(
        decoded(&logo(&file(&deep, ImageFormat::Png)).unwrap()).get_pixel(0, 0),
        [255, 0, 0, 255]
    ));
    assert!(near(
        decoded(&logo(&file(&grey, ImageFormat::Png)).unwrap()).get_pixel(0, 0),
        [54, 54, 54, 255]
    ));
}

#[test]
fn the_hidden_colour_of_what_is_transparent_does_not_show_at_the_edge() {
    let picture = RgbaImage::from_fn(1_100, 1_100, |x, y| {
        let inside = (101..1_001).contains(&x) && (101..1_001).contains(&y);
        if inside {
            Rgba([0, 0, 255, 255])
        } else {
            Rgba([255, 0, 0, 0])
        }
    });
    let made = decoded(&logo(&file(&picture.into(), ImageFormat::Png)).unwrap());
    assert_eq!(made.get_pixel(0, 0).0[3], 0);
    assert!(
        made.pixels().any(|pixel| (16..240).contains(&pixel.0[3])),
        "no edge to look at"
    );
    for pixel in made.pixels().filter(|pixel| pixel.0[3] > 8) {
        assert!(
            near(&Rgba([pixel.0[0], pixel.0[1], pixel.0[2], 255]), [0, 0, 255, 255]),
            "{pixel:?}"
        );
    }
}

#[test]
fn a_photograph_that_was_taken_sideways_is_turned_upright() {
    let jpeg = file(&two_halves(64, 32), ImageFormat::Jpeg);
    // An Exif segment that says no more than orientation 6: what is stored on top belongs on the right.
    let tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut exif = b"\xff\xe1".to_vec();
    exif.extend(u16::try_from(tiff.len() + 8).unwrap().to_be_bytes());
    exif.extend(b"Exif\0\0");
    exif.extend(tiff);
    let sideways = [&jpeg[..2], &exif, &jpeg[2..]].concat();
    let made = logo(&sideways).unwrap();
    assert_eq!((made.width, made.height), (32, 64));
    let picture = decoded(&made);
    assert!(near(picture.get_pixel(16, 8), [255, 0, 0, 255]));
    assert!(near(picture.get_pixel(16, 56), [0, 0, 255, 255]));
}

#[test]
fn nothing_of_the_uploads_metadata_is_kept() {
    let png = file(&two_halves(16, 16), ImageFormat::Png);
    let secret = chunk(b"tEXt", b"Comment\0taken at home");
    let header = 8 + 25;
    let upload = [&png[..header], &secret, &png[header..]].concat();
    let made = logo(&upload).unwrap();
    assert!(!made.png.windows(7).any(|window| window == b"at home"));
    assert!(!made.png.windows(4).any(|window| window == b"tEXt"));
}

#[test]
fn a_picture_that_declares_too_many_pixels_is_refused_before_it_is_decoded() {
    for (width, height) in [
        (5_001, 5_000),
        (50_000, 50_000),
        (u32::MAX >> 1, u32::MAX >> 1),
        (1, 25_000_001),
    ] {
        let refused = logo(&png_of_declared_size(width, height));
        assert!(
            matches!(refused, Err(LogoError::TooManyPixels)),
            "{width}x{height}: {refused:?}"
        );
    }
    let deep = file(&DynamicImage::new_rgba16(4_000, 4_000), ImageFormat::Png);
    assert!(matches!(logo(&deep), Err(LogoError::TooManyPixels)));
    let mut gif = file(&two_halves(16, 16), ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0xff; 4]);
    assert!(matches!(logo(&gif), Err(LogoError::TooManyPixels)));
}

#[test]
fn a_small_file_of_very_many_pixels_is_refused() {
    let bomb = file(&DynamicImage::new_luma8(8_000, 8_000), ImageFormat::Png);
    assert!(bomb.len() < 400_000, "{}", bomb.len());
    assert!(matches!(logo(&bomb), Err(LogoError::TooManyPixels)));
}

#[test]
fn what_is_no_picture_is_refused_by_its_content() {
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    for upload in [
        &b""[..],
        b"GIF",
        b"hello",
        svg,
        b"BM\0\0\0\0",
        b"%PDF-1.7",
        b"II*\0",
        &[0; 4_096],
    ] {
        assert!(matches!(logo(upload), Err(LogoError::UnknownFormat)));
    }
}

#[test]
fn broken_pictures_are_unreadable() {
    for format in [ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
        let whole = file(&two_halves(64, 64), format);
        for length in [20, whole.len() / 2] {
            let refused = logo(&whole[..length]);
            assert!(
                matches!(refused, Err(LogoError::Unreadable(_))),
                "{format:?} {length}: {refused:?}"
            );
        }
    }
    let jpeg = file(&two_halves(64, 64), ImageFormat::Jpeg);
    assert!(matches!(logo(&jpeg[..100]), Err(LogoError::Unreadable(_))));
    assert!(matches!(
        logo(&png_of_declared_size(16, 16)),
        Err(LogoError::Unreadable(_))
    ));
    assert!(matches!(
        logo(&png_of_declared_size(0, 16)),
        Err(LogoError::Unreadable(_))
    ));
}

#[test]
fn random_damage_never_panics() {
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Gif,
        ImageFormat::WebP,
    ] {
        let whole = file(&two_halves(48, 48), format);
        let mut state = 1_u64;
        for _ in 0..400 {
            let mut damaged = whole.clone();
            for _ in 0..3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let place = usize::try_from(state >> 33).unwrap() % damaged.len();
                damaged[place] = state.to_be_bytes()[7] ^ state.to_be_bytes()[2];
            }
            let _ = logo(&damaged);
        }
    }
}

#[test]
fn an_upload_of_more_than_ten_megabytes_is_refused_unread() {
    let mut upload = file(&two_halves(16, 16), ImageFormat::Png);
    upload.resize(10 * 1024 * 1024 + 1, 0);
    assert!(matches!(logo(&upload), Err(LogoError::TooLarge)));
}
