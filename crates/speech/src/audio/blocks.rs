//! Pieces of any length into blocks of one length.

/// Cuts what comes in pieces of any length into blocks, so that nothing depends on where the pieces were cut.
pub(super) struct Blocks {
    size: usize,
    pending: Vec<f32>,
}

impl Blocks {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size: size.max(1),
            pending: Vec::new(),
        }
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// Hands out every block that is complete.
    pub(super) fn feed<E>(
        &mut self,
        mut samples: &[f32],
        mut each: impl FnMut(&[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.pending.is_empty() {
            let missing = (self.size - self.pending.len()).min(samples.len());
            let (head, tail) = samples.split_at(missing);
            self.pending.extend_from_slice(head);
            samples = tail;
            if self.pending.len() < self.size {
                return Ok(());
            }
            each(&self.pending)?;
            self.pending.clear();
        }
        let blocks = samples.chunks_exact(self.size);
        self.pending.extend_from_slice(blocks.remainder());
        for block in blocks {
            each(block)?;
        }
        Ok(())
    }

    /// What is less than a block.
    pub(super) fn into_rest(self) -> Vec<f32> {
        self.pending
    }
}
