use grpo_rollout::Error;

/// Prompts, and for each the same number of completions: what one forward pass computes.
///
/// Tokens stand in one list, prompts first: `prompts * prompt_len` entries (each prompt padded on the right), then
/// `prompts * rows_per_prompt * steps` entries (each completion padded on the right). Completion `r` belongs to
/// prompt `r / rows_per_prompt` and continues at that prompt's own length.
///
/// Only the first `steps = longest completion - 1` tokens of a completion are fed: its last token is predicted, but
/// nothing follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedPrompts {
    /// Token ids as laid out above. Padding is id 0; no result depends on it.
    pub(crate) tokens: Vec<u32>,
    /// Position of each token.
    pub(crate) positions: Vec<usize>,
    /// True length of each prompt.
    pub(crate) prompt_lengths: Vec<usize>,
    /// Longest prompt.
    pub(crate) prompt_len: usize,
    /// Completions of each prompt.
    pub(crate) rows_per_prompt: usize,
    /// Completion tokens that are fed.
    pub(crate) steps: usize,
    /// Predicted tokens of each completion (the longest one's length): `steps + 1`, or 0 without completions.
    pub(crate) targets: usize,
    /// Last token of each completion, which is predicted but not fed.
    last_tokens: Vec<u32>,
    /// Positions that the longest sequence needs, and its prompt. Padding may lie beyond: nothing reads it.
    longest: (usize, usize),
}

impl SharedPrompts {
    /// Lays out prompts and their completions (`rows_per_prompt` for each prompt, in order; none at all for a
    /// forward pass over the prompts alone).
    ///
    /// # Errors
    /// [`Error::Count`] when the completions don't divide evenly among the prompts, [`Error::Empty`] for a prompt
    /// or completion without tokens.
    pub fn new<P: AsRef<[u32]>, C: AsRef<[u32]>>(prompts: &[P], completions: &[C]) -> Result<Self, Error> {
        let rows_per_prompt = completions.len() / prompts.len().max(1);
        if prompts.is_empty() || rows_per_prompt * prompts.len() != completions.len() {
            return Err(Error::Count {
                what: "completions (they must divide evenly among the prompts)",
                got: completions.len(),
                want: prompts.len().max(1) * rows_per_prompt.max(1),
            });
        }
        if let Some(group) = prompts.iter().position(|p| p.as_ref().is_empty()) {
            return Err(Error::Empty { group });
        }
        if let Some(row) = completions.iter().position(|c| c.as_ref().is_empty()) {
            return Err(Error::Empty { group: row / rows_per_prompt });
        }
        let prompt_lengths: Vec<usize> = prompts.iter().map(|p| p.as_ref().len()).collect();
        let prompt_len = prompt_lengths.iter().copied().max().unwrap_or(0);
        let targets = completions.iter().map(|c| c.as_ref().len()).max().unwrap_or(0);
        let steps = targets.saturating_sub(1);

        let total = prompts.len() * prompt_len + completions.len() * steps;
        let (mut tokens, mut positions) = (Vec::with_capacity(total), Vec::with_capacity(total));
        let mut put = |ids: &[u32], width: usize, start: usize| {
            let fed = ids.len().min(width);
            tokens.extend_from_slice(&ids[..fed]);
            tokens.resize(tokens.len() + width - fed, 0);
            positions.extend(start..start + width);
        };
        for prompt in prompts {
            put(prompt.as_ref(), prompt_len, 0);
        }
        for (row, completion) in completions.iter().enumerate() {
            put(completion.as_ref(), steps, prompt_lengths[row / rows_per_prompt]);
        }
        let last_tokens = completions.iter().filter_map(|c| c.as_ref().last().copied()).collect();
        let sequences = completions.iter().enumerate();
        let alone = prompt_lengths.iter().copied().enumerate().map(|(prompt, tokens)| (tokens, prompt));
        let longest = sequences
            .map(|(row, c)| (row / rows_per_prompt, c.as_ref().len() - 1))
            .map(|(prompt, fed)| (prompt_lengths[prompt] + fed, prompt))
            .chain(alone)
            .fold((0, 0), std::cmp::max);
        Ok(Self {
            tokens,
            positions,
            prompt_lengths,
            prompt_len,
            rows_per_prompt,
            steps,
            targets,
            last_tokens,
            longest,
        })
    }

    /// Number of prompts.
    pub fn prompts(&self) -> usize {
        self.prompt_lengths.len()
    }

    /// Number of completions.
    pub fn rows(&self) -> usize {
        self.prompts() * self.rows_per_prompt
    }

    /// Tokens that go through the network, padding included.
    pub fn computed_tokens(&self) -> usize {
        self.tokens.len()
    }

    /// For each completion and each of its `targets` positions: the row of the hidden states that predicts it.
    /// The first is predicted by its prompt's last token.
    pub(crate) fn predicting_rows(&self) -> Vec<i32> {
        let completions_start = self.prompts() * self.prompt_len;
        let mut out = Vec::with_capacity(self.rows() * self.targets);
        for row in 0..self.rows() {
            let prompt = row / self.rows_per_prompt;
            out.push((prompt * self.prompt_len + self.prompt_lengths[prompt] - 1) as i32);
            let first = completions_start + row * self.steps;
            out.extend((first..first + self.steps).map(|i| i as i32));
        }
        out
    }

    /// Positions that the longest sequence needs, and its prompt.
    pub(crate) fn longest(&self) -> (usize, usize) {
        self.longest
    }

    /// The first completion that ends in an id beyond the vocabulary: its prompt and the id.
    pub(crate) fn last_token_beyond(&self, vocab_size: usize) -> Option<(usize, u32)> {
        let row = self.last_tokens.iter().position(|&id| id as usize >= vocab_size)?;
        Some((row / self.rows_per_prompt, self.last_tokens[row]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_follows_the_documentation() {
        let batch =
            SharedPrompts::new(&[vec![1, 2], vec![3]], &[vec![5], vec![6, 7, 8], vec![9, 9], vec![4]])
                .unwrap();
        assert_eq!(batch.tokens, [1, 2, 3, 0, 5, 0, 6, 7, 9, 9, 4, 0]);
        assert_eq!(batch.positions, [0, 1, 0, 1, 2, 3, 2, 3, 1, 2, 1, 2]);
        assert_eq!((batch.rows(), batch.steps, batch.targets), (4, 2, 3));
        assert_eq!(batch.predicting_rows(), [1, 4, 5, 1, 6, 7, 2, 8, 9, 2, 10, 11]);
    }

    #[test]
    fn uneven_or_empty_input_is_refused() {
        let none: [Vec<u32>; 0] = [];
        assert!(SharedPrompts::new(&[vec![1], vec![2]], &[vec![1]]).is_err());
        assert!(SharedPrompts::new(&none, &none).is_err());
        assert!(SharedPrompts::new(&[vec![]], &[vec![1]]).is_err());
        assert!(SharedPrompts::new(&[vec![1]], &[vec![]]).is_err());
        assert_eq!(SharedPrompts::new(&[vec![1, 2, 3]], &none).unwrap().rows(), 0);
    }
}
