use crate::{dropout::mix, family::Plan, kernel::attention::Segment};
use grpo_core::LogitRules;
use grpo_rollout::Error;
use std::sync::Arc;

/// Prompts and completions of them: what one forward pass computes.
///
/// The tokens of all of them stand in one list without padding, prompts first. A completion's tokens attend to those of its
/// prompt and to themselves, and their positions go on where the prompt's end.
///
/// The last token of a completion is predicted but not fed: nothing follows it.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedPrompts {
    /// Token ids as laid out above.
    pub(crate) tokens: Vec<u32>,
    /// Position of each token.
    pub(crate) positions: Vec<usize>,
    /// Length of each prompt.
    pub(crate) prompt_lengths: Vec<usize>,
    /// Each completion's prompt, its length, and its last token.
    rows: Vec<Row>,
    /// Length of the longest completion; 0 without completions.
    pub(crate) targets: usize,
    /// Share of an adapter's inputs that are left out, and a number for each token.
    pub(crate) dropout: Option<(f64, Arc<[u64]>)>,
    /// What each step of each completion could choose from and what it was held back from, where that isn't the whole vocabulary.
    pub(crate) rules: Option<Arc<LogitRules>>,
    /// Positions that the longest sequence needs, and its prompt.
    longest: (usize, usize),
}

/// One completion.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    prompt: usize,
    len: usize,
    last: u32,
}

impl SharedPrompts {
    /// Lays out prompts and their completions (the same number for each prompt, in order; none at all for a forward pass over the
    /// prompts alone).
    ///
    /// # Errors
    /// [`Error::Count`] when the completions don't divide evenly among the prompts, [`Error::Empty`] for a prompt
    /// or completion without tokens.
    pub fn new<P: AsRef<[u32]>, C: AsRef<[u32]>>(prompts: &[P], completions: &[C]) -> Result<Self, Error> {
        let each = completions.len() / prompts.len().max(1);
        if prompts.is_empty() || each * prompts.len() != completions.len() {
            return Err(Error::Count {
                what: "completions (they must divide evenly among the prompts)",
                got: completions.len(),
                want: prompts.len().max(1) * each.max(1),
            });
        }
        Self::with_sizes(prompts, completions, &vec![each; prompts.len()])
    }

    /// The same with a number of completions for each prompt.
    ///
    /// # Errors
    /// As [`SharedPrompts::new`].
    pub fn with_sizes<P: AsRef<[u32]>, C: AsRef<[u32]>>(
        prompts: &[P],
        completions: &[C],
        sizes: &[usize],
    ) -> Result<Self, Error> {
        for (what, got, want) in [
            ("sizes of groups", sizes.len(), prompts.len()),
            ("completions", completions.len(), sizes.iter().sum()),
        ] {
            if got != want {
                return Err(Error::Count { what, got, want });
            }
        }
        if let Some(group) = prompts.iter().position(|p| p.as_ref().is_empty()) {
            return Err(Error::Empty { group });
        }
        let of_row = sizes.iter().enumerate().flat_map(|(prompt, &size)| std::iter::repeat_n(prompt, size));
        let prompt_lengths: Vec<usize> = prompts.iter().map(|p| p.as_ref().len()).collect();
        let (mut tokens, mut positions, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for prompt in prompts {
            tokens.extend_from_slice(prompt.as_ref());
            positions.extend(0..prompt.as_ref().len());
        }
        let mut longest = (0, 0);
        for (prompt, &length) in prompt_lengths.iter().enumerate() {
            longest = longest.max((length, prompt));
        }
        for (completion, prompt) in completions.iter().zip(of_row) {
            let Some((&last, fed)) = completion.as_ref().split_last() else {
                return Err(Error::Empty { group: prompt });
            };
            let start = prompt_lengths[prompt];
            tokens.extend_from_slice(fed);
            positions.extend(start..start + fed.len());
            rows.push(Row { prompt, len: fed.len() + 1, last });
            longest = longest.max((start + fed.len(), prompt));
        }
        let targets = rows.iter().map(|r| r.len).max().unwrap_or(0);
        Ok(Self { tokens, positions, prompt_lengths, rows, targets, dropout: None, rules: None, longest })
    }

    /// The same, whose log-probabilities are those of what the sampler's rules leave: see [`LogitRules`]. `rules` has an entry for each
    /// completion.
    pub fn with_rules(self, rules: LogitRules) -> Self {
        Self { rules: Some(Arc::new(rules)), ..self }
    }

    /// The same, with this share of an adapter's inputs left out; which is decided by a number for each prompt and each completion.
    ///
    /// # Errors
    /// [`Error::Count`] when there are more or fewer numbers, [`Error::Setting`] for a share that isn't in [0, 1).
    pub fn with_dropout(self, share: f64, prompts: &[u64], completions: &[u64]) -> Result<Self, Error> {
        for (what, got, want) in [
            ("numbers for prompts", prompts.len(), self.prompts()),
            ("numbers for completions", completions.len(), self.rows()),
        ] {
            if got != want {
                return Err(Error::Count { what, got, want });
            }
        }
        if !(0.0..1.0).contains(&share) {
            let reason = "use a number in [0, 1)";
            return Err(Error::Setting { key: "lora.dropout", value: share.to_string(), reason });
        }
        let keys = prompts.iter().chain(completions);
        let lengths = self.segments().into_iter().map(|segment| segment.len);
        let keys = keys.zip(lengths).flat_map(|(&key, len)| std::iter::repeat_n(key, len));
        let keys =
            keys.zip(&self.positions).map(|(key, &position)| mix(key ^ mix(position as u64))).collect();
        Ok(Self { dropout: (share > 0.0).then_some((share, keys)), ..self })
    }

    /// The same with nothing left out.
    pub(crate) fn without_dropout(self) -> Self {
        Self { dropout: None, ..self }
    }

    /// Number of prompts.
    pub fn prompts(&self) -> usize {
        self.prompt_lengths.len()
    }

    /// Number of completions.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Tokens that go through the network.
    pub fn computed_tokens(&self) -> usize {
        self.tokens.len()
    }

    /// Tokens of the prompts.
    pub(crate) fn prompt_tokens(&self) -> usize {
        self.prompt_lengths.iter().sum()
    }

    /// Length of each completion.
    pub(crate) fn lengths(&self) -> impl ExactSizeIterator<Item = usize> {
        self.rows.iter().map(|row| row.len)
    }

    /// The sequences within the list of tokens, prompts first.
    pub(crate) fn segments(&self) -> Vec<Segment> {
        let mut first = 0;
        let mut segments = Vec::with_capacity(self.prompts() + self.rows());
        for &len in &self.prompt_lengths {
            segments.push(Segment { first, len, prefix: 0..0 });
            first += len;
        }
        for row in &self.rows {
            let prompt = &segments[row.prompt];
            let prefix = prompt.first..prompt.first + prompt.len;
            segments.push(Segment { first, len: row.len - 1, prefix });
            first += row.len - 1;
        }
        segments
    }

    /// Where each prompt's last token stands.
    pub(crate) fn prompt_ends(&self) -> Vec<usize> {
        self.segments().iter().take(self.prompts()).map(|s| s.first + s.len - 1).collect()
    }

    /// For each token of each completion, in order: the token of the list that predicts it. The first is predicted by its prompt's
    /// last token.
    pub(crate) fn predicting(&self) -> Vec<usize> {
        let segments = self.segments();
        let own = segments.iter().skip(self.prompts());
        own.flat_map(|s| std::iter::once(s.prefix.end - 1).chain(s.first..s.first + s.len)).collect()
    }

    /// Refuses tokens beyond the vocabulary and positions beyond the context.
    pub(crate) fn check(&self, plan: &Plan) -> Result<(), Error> {
        let (positions, prompt) = self.longest;
        if positions > plan.context {
            let tokens = self.prompt_lengths[prompt];
            return Err(Error::Context {
                prompt,
                tokens,
                // The last token of a completion takes no position.
                new: positions - tokens + usize::from(self.targets > 0),
                context: plan.context,
            });
        }
        let last = plan.vocab as u32 - 1;
        if let Some(at) = self.tokens.iter().position(|&t| t > last) {
            let segment = self.segments().iter().position(|s| (s.first..s.first + s.len).contains(&at));
            let prompt = match segment.unwrap_or(0) {
                prompt if prompt < self.prompts() => prompt,
                row => self.rows[row - self.prompts()].prompt,
            };
            return Err(Error::Token { prompt, id: self.tokens[at], last });
        }
        // The last token of a completion isn't fed, so the network doesn't look at it.
        match self.rows.iter().find(|row| row.last > last) {
            Some(row) => Err(Error::Token { prompt: row.prompt, id: row.last, last }),
            None => Ok(()),
        }
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
        assert_eq!(batch.tokens, [1, 2, 3, 6, 7, 9]);
        assert_eq!(batch.positions, [0, 1, 0, 2, 3, 1]);
        assert_eq!((batch.rows(), batch.targets), (4, 3));
        assert_eq!(batch.predicting(), [1, 1, 3, 4, 2, 5, 2]);
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
