//! What a sampler did to the logits before it drew, so that log-probabilities are those of what was sampled from.
//!
//! Top-k, top-p and min-p leave some of the vocabulary out, and a log-probability of the whole distribution is then that of another
//! policy: its importance ratio is biased. DeepSeek-V3.2 ([arXiv:2512.02556](https://arxiv.org/abs/2512.02556), "keep sampling mask")
//! keeps what each step could choose from and evaluates every policy under it. The order is that of the samplers:
//!
//! ```text
//! z' = z / p  where z > 0,  else z · p,    of the ids seen before    (the head's bias is part of z)
//! z'' = z' / temperature  of the ids that are allowed,   −∞ of the others
//! ```
//!
//! Both are constants of the step: gradients pass through the chosen branch of the penalty, and nothing through what is excluded.

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{Bool, Int, Tensor, TensorData};

use super::{IMPOSSIBLE, Support, TokenStatistics, token_statistics};
use crate::{Error, mask};

/// What a sampler did to the logits before it drew.
#[derive(Debug, Clone, PartialEq)]
pub struct LogitRules {
    /// The repetition penalty p of CTRL ([Keskar et al.](https://arxiv.org/abs/1909.05858)): a logit z of an id seen before becomes
    /// z/p where z > 0, else z·p. 1 is off.
    pub repetition_penalty: f64,
    /// One entry per episode (row), or none at all where no step had a rule.
    pub episodes: Vec<EpisodeRules>,
}

impl Default for LogitRules {
    /// No rules.
    fn default() -> Self {
        Self { repetition_penalty: 1.0, episodes: Vec::new() }
    }
}

/// The rules of one episode.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EpisodeRules {
    /// Ids that the repetition penalty is for, each with the first step it counts at, sorted by id, each id once. For a prompt's
    /// ids that is step 0; for an id first drawn at step t it is t + 1.
    pub seen: Vec<(u32, usize)>,
    /// What each step could choose from. Steps beyond the end of the list could choose from everything.
    pub allowed: Vec<Support>,
}

/// Rules that fit the tensors beside them and change something. Token `i` is step `i % steps` of episode `i / steps`.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    given: Arc<LogitRules>,
    steps: usize,
}

impl Rules {
    /// `None` where they change nothing.
    pub(super) fn check(
        given: Arc<LogitRules>,
        [episodes, steps]: [usize; 2],
        vocab: usize,
    ) -> Result<Option<Self>, Error> {
        let penalty = given.repetition_penalty;
        if !(penalty.is_finite() && penalty >= 1e-6) {
            let fix = "give the sampler's penalty, a finite number of at least 1e-6 (1.0 changes nothing)";
            return Err(Error::config("repetition_penalty", penalty, fix));
        }
        let found = given.episodes.len();
        if found != episodes && found != 0 {
            let (argument, reason) = ("rules.episodes", "one for each row of `hidden`, or none at all");
            return Err(Error::Length { argument, expected: episodes, found, reason });
        }
        for (episode, rules) in given.episodes.iter().enumerate() {
            rules.check(steps, vocab).map_err(|(list, index, fix)| Error::Rule {
                episode,
                list,
                index,
                fix,
            })?;
        }
        let penalises = |rules: &EpisodeRules| penalty != 1.0 && rules.seen.iter().any(|seen| seen.1 < steps);
        let changes = |rules: &EpisodeRules| penalises(rules) || !rules.allowed.iter().all(Support::is_all);
        Ok(given.episodes.iter().any(changes).then(|| Self { given: given.clone(), steps }))
    }

    /// Those over one tile of logits: `rows` are tokens, `columns` vocabulary entries.
    pub(super) fn tile(&self, rows: &Range<usize>, columns: &Range<usize>) -> RuleTile {
        RuleTile { rules: self.clone(), rows: rows.clone(), columns: columns.clone() }
    }
}

impl EpisodeRules {
    /// Which list is wrong, where in it, and what would be right.
    fn check(&self, steps: usize, vocab: usize) -> Result<(), (&'static str, usize, &'static str)> {
        if self.allowed.len() > steps {
            return Err(("allowed", steps, "`hidden` has no such step"));
        }
        let unsorted = self.seen.windows(2).position(|pair| pair[0].0 >= pair[1].0);
        if let Some(at) = unsorted {
            return Err(("seen", at + 1, "sort by id, each id once with the first step it counts at"));
        }
        if self.seen.last().is_some_and(|seen| seen.0 as usize >= vocab) {
            return Err(("seen", self.seen.len() - 1, "the head's vocabulary has no such id"));
        }
        for (step, allowed) in self.allowed.iter().enumerate() {
            let ids = allowed.ids();
            if ids.windows(2).any(|pair| pair[0] >= pair[1]) {
                return Err(("allowed", step, "sort the ids, each once"));
            }
            if ids.last().is_some_and(|&id| id as usize >= vocab) {
                return Err(("allowed", step, "the head's vocabulary has no such id"));
            }
            let nothing = match allowed {
                Support::All => false,
                Support::Only(ids) => ids.is_empty(),
                Support::Without(ids) => ids.len() == vocab,
            };
            if nothing {
                return Err(("allowed", step, "leave at least one id to choose from"));
            }
        }
        Ok(())
    }
}

/// The rules over one tile of logits.
#[derive(Debug, Clone)]
pub(crate) struct RuleTile {
    rules: Rules,
    rows: Range<usize>,
    columns: Range<usize>,
}

impl RuleTile {
    pub(super) fn penalty(&self) -> f64 {
        self.rules.given.repetition_penalty
    }

    /// The tile's columns that the penalty is for, in a row of the tile.
    pub(super) fn penalised(&self, row: usize) -> impl Iterator<Item = usize> {
        let (rules, step) = self.of(row);
        let seen = rules.filter(|_| self.penalty() != 1.0).map_or(&[][..], |rules| &rules.seen);
        let seen = &seen[self.within(seen, |seen| seen.0)];
        seen.iter().filter(move |seen| seen.1 <= step).map(|seen| seen.0 as usize - self.columns.start)
    }

    /// The tile's columns that are excluded in a row of the tile, given to `take` as ranges.
    pub(super) fn excluded(&self, row: usize, mut take: impl FnMut(Range<usize>)) {
        let (rules, step) = self.of(row);
        let Some(allowed) = rules.and_then(|rules| rules.allowed.get(step)) else { return };
        let ids = allowed.ids();
        let ids = &ids[self.within(ids, |&id| id)];
        let columns = ids.iter().map(|&id| id as usize - self.columns.start);
        match allowed {
            Support::All => {}
            Support::Without(_) => columns.for_each(|column| take(column..column + 1)),
            Support::Only(_) => {
                let mut from = 0;
                for column in columns.chain([self.columns.len()]) {
                    if from < column {
                        take(from..column);
                    }
                    from = column + 1;
                }
            }
        }
    }

    /// The episode's rules and the step.
    fn of(&self, row: usize) -> (Option<&EpisodeRules>, usize) {
        let (token, steps) = (self.rows.start + row, self.rules.steps);
        (self.rules.given.episodes.get(token / steps), token % steps)
    }

    /// Where the tile's ids are in a sorted list.
    fn within<T>(&self, list: &[T], id: impl Fn(&T) -> u32) -> Range<usize> {
        let at = |end: usize| list.partition_point(|entry| (id(entry) as usize) < end);
        at(self.columns.start)..at(self.columns.end)
    }

    /// [`penalised`](Self::penalised) as bits; `None` where there are none.
    pub(super) fn penalised_bits(&self) -> Option<Bits> {
        self.bits(|row, set| self.penalised(row).for_each(|column| set(column..column + 1)))
    }

    /// [`excluded`](Self::excluded) as bits; `None` where there are none.
    pub(super) fn excluded_bits(&self) -> Option<Bits> {
        self.bits(|row, set| self.excluded(row, set))
    }

    fn bits(&self, mark: impl Fn(usize, &mut dyn FnMut(Range<usize>))) -> Option<Bits> {
        let mut bits = Bits::none([self.rows.len(), self.columns.len()]);
        let mut any = false;
        for row in 0..self.rows.len() {
            mark(row, &mut |columns| {
                any = true;
                bits.set(row, columns);
            });
        }
        any.then_some(bits)
    }
}

/// Yes or no for every logit of a tile, as compact as it can be handed to a device.
pub(super) struct Bits {
    /// Row by row, each in words of its own.
    words: Vec<i32>,
    shape: [usize; 2],
}

impl Bits {
    /// Bits of a word. The sign is none of them, so that every kind of shift and of integer will do.
    pub(super) const OF_WORD: usize = 31;

    fn none(shape: [usize; 2]) -> Self {
        Self { words: vec![0; shape[0] * shape[1].div_ceil(Self::OF_WORD)], shape }
    }

    fn set(&mut self, row: usize, columns: Range<usize>) {
        let words = self.words_of_row();
        let row = &mut self.words[row * words..(row + 1) * words];
        let mut from = columns.start;
        while from < columns.end {
            let (word, bit) = (from / Self::OF_WORD, from % Self::OF_WORD);
            let until = columns.end.min((word + 1) * Self::OF_WORD);
            row[word] |= (((1_i64 << (until - from)) - 1) << bit) as i32;
            from = until;
        }
    }

    pub(super) fn words_of_row(&self) -> usize {
        self.shape[1].div_ceil(Self::OF_WORD)
    }

    /// Rows and columns of the tile.
    pub(super) fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The words, `[rows, words of a row, 1]`.
    pub(super) fn into_data(self) -> TensorData {
        let shape = [self.shape[0], self.words_of_row(), 1];
        TensorData::new(self.words, shape)
    }
}

/// Statistics under rules from all `logits` `[episodes, steps, vocab]`, before penalty and temperature: what is left to backends that
/// this crate's operation isn't built for.
pub(super) fn dense_statistics(
    logits: Tensor<3>,
    targets: Tensor<2, Int>,
    temperature: f64,
    rules: &Rules,
) -> Result<TokenStatistics, Error> {
    let [episodes, steps, vocab] = logits.dims();
    let tile = rules.tile(&(0..episodes * steps), &(0..vocab));
    let logits = logits.clone().cast(mask::compute_dtype(logits.dtype()));
    let on = logits.device().without_autodiff();
    let mask = |bits: Bits| -> Tensor<3, Bool> {
        let words = bits.words_of_row() * Bits::OF_WORD;
        let bit = Tensor::<1, Int>::arange(0..Bits::OF_WORD as i64, &on).unsqueeze::<3>();
        let word = Tensor::<3, Int>::from_data(bits.into_data(), &on);
        let bits = word.repeat_dim(2, Bits::OF_WORD).bitwise_right_shift(bit).bitwise_and_scalar(1);
        bits.reshape([episodes, steps, words]).narrow(2, 0, vocab).not_equal_elem(0)
    };
    let logits = match tile.penalised_bits().map(mask) {
        Some(seen) => {
            let penalty = tile.penalty();
            let raw = logits.clone().inner();
            let positive = raw.clone().greater_elem(0.0).bool_and(seen.clone());
            logits * raw.ones_like().mask_fill(seen, penalty).mask_fill(positive, 1.0 / penalty)
        }
        None => logits,
    };
    let logits = match tile.excluded_bits().map(mask) {
        Some(excluded) => logits.mask_fill(excluded, f64::NEG_INFINITY),
        None => logits,
    };
    let statistics = token_statistics(logits, targets, temperature)?;
    // A constant, without a gradient.
    let impossible = statistics.log_probs.clone().inner().lower_elem(IMPOSSIBLE);
    Ok(TokenStatistics {
        log_probs: statistics.log_probs.mask_fill(impossible, f64::NEG_INFINITY),
        ..statistics
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(episodes: Vec<EpisodeRules>) -> Rules {
        let given = LogitRules { repetition_penalty: 1.5, episodes };
        Rules::check(Arc::new(given), [2, 3], 100).expect("they fit").expect("they change something")
    }

    #[test]
    fn bits_and_ranges_of_a_tile_are_those_of_the_lists() {
        let ids = |step: u32| -> Vec<u32> { (0..100).filter(|id| id * (step + 3) % 7 < 2).collect() };
        let seen: Vec<(u32, usize)> = (0..100).step_by(3).map(|id| (id, id as usize % 4)).collect();
        let rules = rules(vec![
            EpisodeRules {
                seen,
                allowed: vec![Support::Only(ids(0)), Support::All, Support::Only(vec![99])],
            },
            EpisodeRules { seen: Vec::new(), allowed: vec![Support::All, Support::Without(ids(1))] },
        ]);
        for (rows, columns) in [(0..6, 0..100), (1..5, 0..31), (2..3, 31..62), (0..6, 40..41), (4..6, 7..100)]
        {
            let tile = rules.tile(&rows, &columns);
            let is_set = |bits: &Option<Bits>, row: usize, column: usize| {
                let Some(bits) = bits else { return false };
                let word = bits.words[row * bits.words_of_row() + column / Bits::OF_WORD];
                assert!(word >= 0);
                word >> (column % Bits::OF_WORD) & 1 == 1
            };
            let (penalised, excluded) = (tile.penalised_bits(), tile.excluded_bits());
            for (row, token) in rows.clone().enumerate() {
                let (episode, step) = (&rules.given.episodes[token / 3], token % 3);
                for (column, id) in columns.clone().map(|id| id as u32).enumerate() {
                    let counts = episode.seen.iter().any(|seen| seen.0 == id && seen.1 <= step);
                    assert_eq!(is_set(&penalised, row, column), counts, "{token} {id}");
                    let out = match episode.allowed.get(step) {
                        None | Some(Support::All) => false,
                        Some(Support::Only(ids)) => !ids.contains(&id),
                        Some(Support::Without(ids)) => ids.contains(&id),
                    };
                    assert_eq!(is_set(&excluded, row, column), out, "{token} {id}");
                }
            }
        }
    }

    #[test]
    fn rules_that_change_nothing_are_none() {
        let check = |given: LogitRules| Rules::check(Arc::new(given), [1, 2], 5).expect("they fit").is_some();
        let of = |penalty: f64, seen: &[(u32, usize)], allowed: &[Support]| LogitRules {
            repetition_penalty: penalty,
            episodes: vec![EpisodeRules { seen: seen.to_vec(), allowed: allowed.to_vec() }],
        };
        assert!(!check(LogitRules::default()));
        assert!(!check(of(1.0, &[(3, 0)], &[Support::All, Support::Without(Vec::new())])));
        assert!(!check(of(1.2, &[(3, 2)], &[])));
        assert!(check(of(1.2, &[(3, 1)], &[])));
        assert!(check(of(1.0, &[], &[Support::Without(vec![0])])));
        assert!(check(of(1.0, &[], &[Support::All, Support::Only(vec![0, 1, 2, 3, 4])])));
    }

    /// The form for other backends, beside the operation.
    #[test]
    fn the_dense_form_agrees_with_the_operation() {
        use crate::{LinearHead, Tiles, linear_log_probs_under};
        use burn::tensor::Distribution;

        let device = grpo_device::from_env().expect("a device").autodiff();
        let weight = Tensor::<2>::random([100, 4], Distribution::Default, &device);
        let given = Tensor::<3>::random([2, 3, 4], Distribution::Uniform(-1.0, 1.0), &device);
        // The last target is not allowed.
        let targets = Tensor::<2, Int>::from_data([[7, 2, 99], [1, 3, 5]], &device);
        let rules = rules(vec![
            EpisodeRules {
                seen: vec![(2, 0), (7, 1), (99, 2)],
                allowed: vec![Support::Only(vec![3, 7, 70]), Support::All, Support::Only(vec![99])],
            },
            EpisodeRules {
                seen: Vec::new(),
                allowed: vec![Support::All, Support::All, Support::Without(vec![5])],
            },
        ]);
        let run = |dense: bool| -> [Vec<f64>; 3] {
            let hidden = Tensor::from_inner(given.clone().inner()).require_grad();
            let statistics = if dense {
                let logits =
                    hidden.clone().reshape([6, 4]).matmul(weight.clone().transpose()).reshape([2, 3, 100]);
                dense_statistics(logits, targets.clone(), 0.8, &rules)
            } else {
                let head = LinearHead::new(weight.clone()).with_tiles(Tiles { tokens: 4, vocab: 40 });
                linear_log_probs_under(hidden.clone(), &head, targets.clone(), 0.8, rules.given.clone())
            };
            let TokenStatistics { log_probs, entropies } = statistics.expect("they fit");
            let gradients = (log_probs.clone() + entropies.clone() * 0.3).sum().backward();
            let gradient = hidden.grad(&gradients).expect("a gradient");
            let values = |x: TensorData| x.iter::<f64>().collect();
            [values(log_probs.into_data()), values(entropies.into_data()), values(gradient.into_data())]
        };
        for (dense, tiled) in run(true).into_iter().zip(run(false)) {
            for (dense, tiled) in dense.into_iter().zip(tiled) {
                assert!(dense == tiled || (dense - tiled).abs() < 1e-5, "{dense} {tiled}");
            }
        }
    }
}
