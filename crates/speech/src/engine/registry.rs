//! The engines of an instance.

use std::{collections::BTreeMap, sync::Arc};

use super::SpeechEngine;

/// The engines of an instance, by their ids.
#[derive(Debug, Clone, Default)]
pub struct Engines(BTreeMap<String, Arc<dyn SpeechEngine>>);

impl Engines {
    /// Adds an engine, in place of one with the same id.
    #[must_use]
    pub fn with(mut self, engine: Arc<dyn SpeechEngine>) -> Self {
        self.0.insert(engine.id().to_owned(), engine);
        self
    }

    /// The engine of that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<dyn SpeechEngine>> {
        self.0.get(id)
    }

    /// All engines, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn SpeechEngine>> {
        self.0.values()
    }
}
