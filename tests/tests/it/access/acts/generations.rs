//! The mutations of generations.

use serde_json::json;

use super::{
    Act,
    Comes::{Forbidden, Untried},
    GENERATIONS, inside,
};

pub(super) fn acts() -> Vec<Act> {
    vec![
        inside(
            "cancelGeneration",
            |of| json!({ "id": of.generation }),
            Forbidden(GENERATIONS),
        ),
        inside(
            "createGeneration",
            |of| json!({ "organizationId": of.organization, "voiceId": of.voice, "text": "Hello." }),
            Untried,
        ),
        inside(
            "createGenerationArchive",
            |of| json!({ "ids": [of.generation] }),
            Untried,
        ),
        inside(
            "deleteGeneration",
            |of| json!({ "id": of.generation }),
            Forbidden(GENERATIONS),
        ),
        inside(
            "deleteGenerations",
            |of| json!({ "ids": [of.generation] }),
            Forbidden(GENERATIONS),
        ),
        inside(
            "repeatGeneration",
            |of| json!({ "generationId": of.generation }),
            Untried,
        ),
    ]
}
