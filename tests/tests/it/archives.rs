//! A selection of the history as one file, over HTTP.

use std::process::Command;

use serde_json::{Value, json};
use tests::World;

resonance_testkit::on_both! {
    async fn a_selection_is_found_by_its_words_and_downloaded_as_an_archive_that_others_open(backend: Backend) {
        let world = World::new(backend).await;
        let (a, member) = (&world.a, &world.a.member);
        let voice = member.client.system_voice().await;
        let mut spoken = Vec::new();
        for text in ["The heron waits by the river.", "A heron, asleep."] {
            let id = member.speak(&a.id, &voice, text).await;
            assert_eq!(member.hear(&id).await, "SUCCEEDED");
            spoken.push(id);
        }
        let query = "query($id: ID!, $filter: GenerationFilter) { organization(id: $id) {
            generations(first: 10, filter: $filter, orderBy: OLDEST) { totalCount nodes { id } } } }";
        let found = member.client.data(query, json!({ "id": a.id, "filter": { "search": "HERON", "engine": "builtin" } })).await;
        let found = &found["organization"]["generations"];
        assert_eq!((&found["totalCount"], &found["nodes"]), (&json!(2), &json!([{ "id": spoken[0] }, { "id": spoken[1] }])));

        let input = json!({ "ids": spoken });
        let made = member.client.mutate("createGenerationArchive", "CreateGenerationArchiveInput", "url", input).await;
        let url = made["url"].as_str().unwrap();
        // The link is enough, and ends with the membership of whoever asked for it.
        let answer = world.nobody.get(url).await;
        assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, "application/zip"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.zip");
        std::fs::write(&file, answer.bytes().await.unwrap()).unwrap();
        let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
                      print(z.read('manifest.json').decode())";
        if let Ok(output) = Command::new("python3").args(["-c", script]).arg(&file).output() {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let manifest: Value = serde_json::from_slice(&output.stdout).unwrap();
            let texts: Vec<_> = manifest["generations"].as_array().unwrap().iter().map(|one| &one["text"]).collect();
            assert_eq!(texts, ["The heron waits by the river.", "A heron, asleep."]);
        }
        let input = json!({ "memberId": a.membership });
        a.admin.client.mutate("removeMember", "RemoveMemberInput", "removedMemberId", input).await;
        assert_eq!(world.nobody.get(url).await.status(), 404);
        // Elsewhere there is nothing of it.
        let query = "mutation($input: CreateGenerationArchiveInput!) {
            createGenerationArchive(input: $input) { url userErrors { code } } }";
        let stolen = world.b.admin.client.ask(query, json!({ "input": { "ids": spoken } })).await.body;
        assert!(stolen.to_string().contains("NOT_FOUND"), "{stolen}");
    }
}
