//! Usage.

use resonance_testkit::on_both;
use serde_json::json;

use crate::{
    generations::Studio,
    schema::{data, error_code, execute},
};

const USAGE: &str =
    "query ($id: String!, $period: UsagePeriod) { organization(id: $id) { usage(period: $period) {
    from until heldCharacters total(metric: CHARACTERS) voices: total(metric: CUSTOM_VOICES)
    byDay(metric: CHARACTERS) { day quantity } byMember(metric: CHARACTERS) { user { name } quantity }
    byVoice(metric: CHARACTERS) { voiceId voiceName voice { name } quantity } } } }";

on_both! {
    async fn what_was_used_is_shown_by_day_by_member_and_by_voice(backend: Backend) {
        let studio = Studio::new(backend).await;
        studio.ask(&studio.ada, "four").await;
        studio.ask(&studio.mel, "seventh").await;
        studio.instance.services.settle().await.unwrap();
        studio.ask(&studio.mel, "held").await;
        let today = studio.instance.clock.now().date_naive();
        let request = studio.as_of(&studio.mel).await;
        let variables = json!({ "id": studio.organization.type_id(), "period": { "from": today.to_string() } });
        let seen = data(&request, USAGE, variables).await;
        assert_eq!(seen["organization"]["usage"], json!({
            "from": today.to_string(), "until": today.to_string(), "heldCharacters": "4", "total": "11", "voices": "0",
            "byDay": [{ "day": today.to_string(), "quantity": "11" }],
            "byMember": [
                { "user": { "name": "Mel" }, "quantity": "7" },
                { "user": { "name": "Ada" }, "quantity": "4" },
            ],
            "byVoice": [{ "voiceId": studio.voice.global_id(), "voiceName": "Vera", "voice": { "name": "Vera" }, "quantity": "11" }],
        }));
    }

    async fn a_wrong_period_and_a_stranger_are_refused(backend: Backend) {
        let studio = Studio::new(backend).await;
        let id = studio.organization.type_id();
        let request = studio.as_of(&studio.mel).await;
        let period = json!({ "from": "2026-02-02", "until": "2026-02-01" });
        let backwards = execute(&request, USAGE, json!({ "id": id, "period": period })).await;
        assert_eq!(error_code(&backwards), "INVALID");
        let no_day = execute(&request, USAGE, json!({ "id": id, "period": { "from": "2026-02-30" } })).await;
        assert!(!no_day.errors.is_empty());
        let eve = studio.instance.sign_up("Eve", "eve@example.org").await;
        let stranger = studio.instance.request_of(&eve).await;
        let document = "query ($id: String!) { organization(id: $id) { usage { from } } }";
        assert_eq!(error_code(&execute(&stranger, document, json!({ "id": id })).await), "NOT_FOUND");
        let nobody = studio.instance.anonymous();
        assert_eq!(error_code(&execute(&nobody, document, json!({ "id": id })).await), "UNAUTHENTICATED");
    }
}
