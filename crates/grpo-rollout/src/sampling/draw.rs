use super::kernel::{Above, BLOCK, Exponentials, Scan, Totals};
use grpo_core::Support;
use rand_chacha::rand_core::RngCore;

/// A drawn action and what its distribution says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The action.
    pub action: u32,
    /// Its natural log-probability *under the distribution that was sampled from*: temperature included, and renormalised over
    /// the support.
    pub log_prob: f32,
    /// Entropy of that distribution in nats.
    pub entropy: f32,
    /// What could be chosen from. An action with a logit of −∞ can't be chosen even if it is in here.
    pub support: Support,
}

/// How one action is drawn from a row of logits. The rules apply in the order of the fields from `repetition_penalty` on
/// down, which is that of Hugging Face's transformers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DrawRules<'a> {
    /// Ids of the prompt and of the completion so far. Any order, repeats allowed; ids beyond the row are skipped.
    pub seen: [&'a [u32]; 2],
    /// Divides the positive and multiplies the negative logits of the ids that were seen
    /// (<https://arxiv.org/abs/1909.05858>). 1 is off.
    pub repetition_penalty: f64,
    /// Ids that must not be drawn. Any order, repeats allowed; ids beyond the row are skipped.
    pub excluded: &'a [u32],
    /// Divides the logits. 0 takes the first largest logit; top-k, top-p and min-p have no effect then.
    pub temperature: f64,
    /// Keeps the k largest logits, and all that equal the k-th. 0 is off.
    pub top_k: usize,
    /// Keeps the fewest most probable actions that have at least this probability together, and at least one
    /// (<https://arxiv.org/abs/1904.09751>). Of equally probable ones those with lower ids come first. 1 is off.
    pub top_p: f64,
    /// Keeps the actions that are at least this many times as probable as the most probable one
    /// (<https://arxiv.org/abs/2407.01082>). 0 is off.
    pub min_p: f64,
}

impl Default for DrawRules<'_> {
    fn default() -> Self {
        Self {
            seen: [&[], &[]],
            repetition_penalty: 1.0,
            excluded: &[],
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
        }
    }
}

impl DrawRules<'_> {
    fn is_greedy(&self) -> bool {
        self.temperature.is_nan() || self.temperature <= 0.0
    }

    fn truncates(&self) -> bool {
        !self.is_greedy() && (self.top_k > 0 || self.top_p < 1.0 || self.min_p > 0.0)
    }

    fn penalises(&self) -> bool {
        self.repetition_penalty != 1.0 && self.seen.iter().any(|ids| !ids.is_empty())
    }

    /// Puts the penalised logits into `row`, those of excluded actions as −∞.
    fn adjust(&self, logits: &[f32], row: &mut Vec<f32>) {
        row.clear();
        row.extend_from_slice(logits);
        if self.repetition_penalty != 1.0 {
            for &id in self.seen.into_iter().flatten() {
                // From the logit as it was: an id that was seen twice is penalised once.
                if let Some(&z) = logits.get(id as usize) {
                    let z = f64::from(z);
                    let penalised =
                        if z > 0.0 { z / self.repetition_penalty } else { z * self.repetition_penalty };
                    row[id as usize] = penalised as f32;
                }
            }
        }
        for &id in self.excluded {
            if let Some(z) = row.get_mut(id as usize) {
                *z = f32::NEG_INFINITY;
            }
        }
    }
}

/// Draws actions, one after another, and keeps the memory it needs for that from one to the next. What was drawn before has no
/// influence on what is drawn.
///
/// Sums are in single precision within blocks of 512 and in double precision above: log-probabilities and entropies
/// are within 1e-6 of the truth or two units of `f32`, whichever is larger. The last bits may differ between CPUs with vectors of
/// different width. Whether the last action of a nucleus is in or out may depend on them too, when the probabilities add up to
/// `top_p` but for rounding. Penalised logits are rounded to `f32`, as a tensor of them would be.
///
/// ```
/// use grpo_rollout::{DrawRules, Drawer, Streams, Support};
///
/// let mut drawer = Drawer::default();
/// let rules = DrawRules { top_k: 2, ..DrawRules::default() };
/// let choice = drawer.choose(&[0.5, 0.1, 0.5, -1.0, 0.2], &rules, &mut Streams::new(7).stream(0, 0, 0)).unwrap();
/// assert_eq!(choice.support, Support::Only(vec![0, 2]));
/// assert!((choice.log_prob - 0.5f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Drawer {
    /// The logits after penalties and exclusions.
    row: Vec<f32>,
    /// Sums of exponentials, one for each block of what is drawn from.
    sums: Vec<f64>,
    kept: Kept,
    weights: Vec<f32>,
    boundary: Vec<(f32, u32)>,
}

impl Drawer {
    /// Draws one action from unnormalised log-probabilities by inverting the cumulative distribution, in ascending order of
    /// the actions. One `u64` is taken from `rng`; none when the temperature is 0.
    ///
    /// `logits` is one row, `[vocab]`. With temperature 0 the result is the first largest entry (after penalties and exclusions), its
    /// log-probability and the entropy at temperature 1.
    ///
    /// Returns `None` when the row holds NaN, `+inf`, or nothing that is possible.
    pub fn choose(
        &mut self,
        logits: &[f32],
        rules: &DrawRules<'_>,
        rng: &mut impl RngCore,
    ) -> Option<Choice> {
        let Self { row, sums, kept, weights, boundary } = self;
        let row: &[f32] = if rules.penalises() || !rules.excluded.is_empty() {
            rules.adjust(logits, row);
            row
        } else {
            logits
        };
        let arch = pulp::Arch::new();
        let scale = if rules.is_greedy() { 1.0 } else { 1.0 / rules.temperature };
        // Neither 0 nor infinite: −∞ has to stay −∞, and 0 has to stay 0.
        let inverse = (scale as f32).clamp(f32::MIN_POSITIVE, f32::MAX);
        let mut totals = arch.dispatch(Scan { values: row, inverse, sums });
        // A NaN anywhere makes the sum NaN.
        if !(totals.maximum.is_finite() && totals.sum.is_finite()) {
            return None;
        }
        let excluded =
            || Support::without(rules.excluded.iter().copied().filter(|&id| (id as usize) < logits.len()));
        if rules.is_greedy() {
            let best = row.iter().position(|&z| z == totals.maximum)?;
            return Some(choice(best as u32, row[best], scale, totals, excluded()));
        }

        let mut from = None;
        if rules.truncates() {
            let possible = arch.dispatch(Above { values: row, weights: row, least: f32::MIN }).0;
            let truncation = Truncation { arch, row, rules, maximum: totals.maximum, inverse };
            truncation.apply(kept, weights, boundary);
            if kept.ids.len() < possible {
                totals = arch.dispatch(Scan { values: &kept.values, inverse, sums });
                from = Some(&*kept);
            }
        }
        // 53 random bits: the uniform double in [0, 1).
        let uniform = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let values = from.map_or(row, |kept| &kept.values);
        let at = invert(values, uniform * totals.sum, arch, sums, totals.maximum, inverse)?;
        let (action, support) = match from {
            Some(kept) => (kept.ids[at], Support::of(&kept.ids, logits.len())),
            None => (at as u32, excluded()),
        };
        Some(choice(action, values[at], scale, totals, support))
    }
}

/// Draws one action from the softmax of unnormalised log-probabilities, as a [`Drawer`] does with no rule but the temperature.
///
/// Returns `None` when the row holds NaN, `+inf`, or nothing but `-inf`.
pub fn choose(logits: &[f32], temperature: f64, rng: &mut impl RngCore) -> Option<Choice> {
    Drawer::default().choose(logits, &DrawRules { temperature, ..DrawRules::default() }, rng)
}

fn choice(action: u32, value: f32, scale: f64, totals: Totals, support: Support) -> Choice {
    let log_sum = totals.sum.ln();
    let log_prob = (f64::from(value) - f64::from(totals.maximum)) * scale - log_sum;
    // H = log Σw − Σ w log w / Σw
    let entropy = log_sum - totals.weighted / totals.sum;
    Choice { action, log_prob: log_prob as f32, entropy: entropy as f32, support }
}

/// The first position where the cumulative sum of the exponentials exceeds `left`, given their sums by block.
fn invert(
    values: &[f32],
    mut left: f64,
    arch: pulp::Arch,
    sums: &[f64],
    maximum: f32,
    inverse: f32,
) -> Option<usize> {
    // Rounding may leave a crumb at the end: the last possible block takes it, and in that its last possible action.
    let (mut block, mut left_in_block) = (None, 0.0);
    for (index, &sum) in sums.iter().enumerate() {
        if sum > 0.0 {
            (block, left_in_block) = (Some(index), left);
            if left < sum {
                break;
            }
        }
        left -= sum;
    }
    let start = block? * BLOCK;
    let values = &values[start..values.len().min(start + BLOCK)];
    let mut exponentials = [0.0; BLOCK];
    let out = &mut exponentials[..values.len()];
    arch.dispatch(Exponentials { values, maximum, inverse, out });
    let mut chosen = None;
    for (index, &w) in exponentials[..values.len()].iter().enumerate() {
        if w > 0.0 {
            chosen = Some(start + index);
            if left_in_block < f64::from(w) {
                break;
            }
        }
        left_in_block -= f64::from(w);
    }
    chosen
}

/// Actions that are left to choose from, in ascending order, and their logits.
#[derive(Debug, Clone, Default)]
struct Kept {
    ids: Vec<u32>,
    values: Vec<f32>,
}

impl Kept {
    /// Gathers the actions of a row that are not less than `least`, and not after `last` in the order of falling logits and
    /// rising ids.
    fn gather(&mut self, row: &[f32], least: f32, last: (f32, u32)) {
        const STRIDE: usize = 64;
        self.ids.clear();
        self.values.clear();
        let least = least.max(last.0);
        let (mut ids, mut values) = ([0; STRIDE], [0.0; STRIDE]);
        for (stride, logits) in row.chunks(STRIDE).enumerate() {
            // Most strides of a peaked distribution hold nothing, which vectors find out at once.
            if !logits.iter().fold(false, |any, &z| any | (z >= least)) {
                continue;
            }
            let mut count = 0;
            let first = (stride * STRIDE) as u32;
            for (id, &z) in (first..).zip(logits) {
                // Written in any case and counted if wanted: a branch on noise would be guessed wrong half of the time.
                ids[count] = id;
                values[count] = z;
                count += usize::from((z >= least) & ((z > last.0) | (id <= last.1)));
            }
            self.ids.extend_from_slice(&ids[..count]);
            self.values.extend_from_slice(&values[..count]);
        }
    }
}

/// Top-k, top-p and min-p on a row.
struct Truncation<'a> {
    arch: pulp::Arch,
    row: &'a [f32],
    rules: &'a DrawRules<'a>,
    maximum: f32,
    inverse: f32,
}

impl Truncation<'_> {
    /// Each of the three keeps a beginning of the row in the order of falling logits, so all that is computed is where
    /// the shortest of these beginnings ends.
    fn apply(&self, kept: &mut Kept, weights: &mut Vec<f32>, boundary: &mut Vec<(f32, u32)>) {
        let Self { arch, row, rules, maximum, inverse } = *self;
        // What is impossible is not kept.
        let mut least = f32::MIN;
        let mut last = (f32::NEG_INFINITY, u32::MAX);
        if (1..row.len()).contains(&rules.top_k) {
            // The weights don't matter to the count.
            let (kth, _) = self.end(row, row, |count, _| count >= rules.top_k, boundary);
            least = least.max(kth);
        }
        if rules.top_p < 1.0 {
            let truncated = least > f32::MIN;
            if truncated {
                kept.gather(row, least, last);
            }
            let values = if truncated { &kept.values } else { row };
            weights.resize(values.len(), 0.0);
            arch.dispatch(Exponentials { values, maximum, inverse, out: weights });
            let (_, total) = arch.dispatch(Above { values, weights, least: f32::NEG_INFINITY });
            // Above 0, so that the most probable action is kept.
            let wanted = (rules.top_p * total).max(f64::MIN_POSITIVE);
            let (value, at) = self.end(values, weights, |_, mass| mass >= wanted, boundary);
            last =
                (value, if truncated { kept.ids.get(at as usize).copied().unwrap_or(u32::MAX) } else { at });
        }
        if rules.min_p > 0.0 {
            let floor = f64::from(maximum) + rules.min_p.min(1.0).ln() * rules.temperature;
            // Rounded up: a logit is at least `floor` if and only if it is at least that.
            let rounded = floor as f32;
            least = least.max(if f64::from(rounded) < floor { rounded.next_up() } else { rounded });
        }
        kept.gather(row, least, last);
    }

    /// Goes through values in falling order, equal ones in the order of their positions, until there are enough of them by number
    /// and by sum of weights. Returns the last one and its position.
    ///
    /// Halves the range in which the last one lies until few values are left in it, and sorts only those.
    fn end(
        &self,
        values: &[f32],
        weights: &[f32],
        enough: impl Fn(usize, f64) -> bool,
        boundary: &mut Vec<(f32, u32)>,
    ) -> (f32, u32) {
        const FEW: usize = 256;
        // All values from `low` up are enough, those from `high` up are not. Adding 0 makes −0 and 0 one: what is above −0 is not
        // above 0.
        let (mut low, mut high) = (rank(f32::NEG_INFINITY), rank(self.maximum + 0.0) + 1);
        let (mut count_low, mut above) = (values.len(), (0, 0.0));
        while count_low - above.0 > FEW && high - low > 1 {
            let middle = low + (high - low) / 2;
            let seen = self.arch.dispatch(Above { values, weights, least: of_rank(middle) });
            if enough(seen.0, seen.1) {
                (low, count_low) = (middle, seen.0);
            } else {
                (high, above) = (middle, seen);
            }
        }
        let (low, high) = (of_rank(low), of_rank(high));
        boundary.clear();
        for (stride, part) in values.chunks(64).enumerate() {
            if part.iter().fold(false, |any, &z| any | ((z >= low) & (z < high))) {
                let positions = (stride * 64) as u32..;
                boundary.extend(
                    positions
                        .zip(part)
                        .filter(|(_, z)| **z >= low && **z < high)
                        .map(|(at, &z)| (z + 0.0, at)),
                );
            }
        }
        boundary.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let (mut count, mut mass) = above;
        for &(value, at) in boundary.iter() {
            count += 1;
            mass += weights.get(at as usize).map_or(0.0, |&w| f64::from(w));
            if enough(count, mass) {
                return (value, at);
            }
        }
        // Sums in another order are rounded otherwise: the last one will do.
        boundary.last().copied().unwrap_or((f32::NEG_INFINITY, u32::MAX))
    }
}

/// A whole number that grows with the value.
fn rank(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

/// The value of a [`rank`].
fn of_rank(rank: u32) -> f32 {
    f32::from_bits(if rank >> 31 == 1 { rank ^ 1 << 31 } else { !rank })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Streams;

    #[test]
    fn frequencies_follow_the_tempered_softmax() {
        let logits = [0.0f32, 1.0, f32::NEG_INFINITY, 2.0];
        for temperature in [0.5, 1.0, 2.0] {
            let weights: Vec<f64> = logits.iter().map(|&l| (f64::from(l) / temperature).exp()).collect();
            let total: f64 = weights.iter().sum();
            let entropy: f64 =
                weights.iter().map(|w| w / total).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum();
            let mut rng = Streams::new(1).stream(0, 0, 0);
            let (n, mut counts) = (40_000, [0usize; 4]);
            for _ in 0..n {
                let choice = choose(&logits, temperature, &mut rng).unwrap();
                counts[choice.action as usize] += 1;
                let exact = (weights[choice.action as usize] / total).ln();
                assert!((f64::from(choice.log_prob) - exact).abs() < 1e-6);
                assert!((f64::from(choice.entropy) - entropy).abs() < 1e-6);
            }
            for (count, weight) in counts.iter().zip(&weights) {
                let p = weight / total;
                let sigma = (p * (1.0 - p) / n as f64).sqrt();
                assert!((*count as f64 / n as f64 - p).abs() <= 4.0 * sigma, "{counts:?} at {temperature}");
            }
        }
    }

    #[test]
    fn greedy_takes_the_first_largest_and_broken_rows_are_refused() {
        let mut rng = Streams::new(1).stream(0, 0, 0);
        assert_eq!(choose(&[1.0, 3.0, 3.0], 0.0, &mut rng).unwrap().action, 1);
        assert!(choose(&[1.0, f32::NAN], 1.0, &mut rng).is_none());
        assert!(choose(&[f32::INFINITY, 0.0], 1.0, &mut rng).is_none());
        assert!(choose(&[f32::NEG_INFINITY; 3], 1.0, &mut rng).is_none());
        assert!(choose(&[], 1.0, &mut rng).is_none());
    }

    #[test]
    fn a_nan_is_seen_wherever_it_is() {
        let mut rng = Streams::new(1).stream(0, 0, 0);
        let truncated = DrawRules { top_k: 3, top_p: 0.9, min_p: 0.1, ..DrawRules::default() };
        let mut drawer = Drawer::default();
        for at in 0..600 {
            let mut logits: Vec<f32> = (0..600).map(|i| (i * 37 % 101) as f32).collect();
            logits[at] = f32::NAN;
            assert!(choose(&logits, 1.0, &mut rng).is_none() && choose(&logits, 0.0, &mut rng).is_none());
            assert!(drawer.choose(&logits, &truncated, &mut rng).is_none());
            logits[at] = f32::INFINITY;
            assert!(choose(&logits, 1.0, &mut rng).is_none());
        }
    }

    #[test]
    fn ranks_grow_with_values() {
        let values = [f32::NEG_INFINITY, f32::MIN, -1.0, -1e-40, -0.0, 0.0, 1e-40, 1.0, f32::MAX];
        assert!(values.windows(2).all(|pair| rank(pair[0]) < rank(pair[1])));
        assert!(values.iter().all(|&x| of_rank(rank(x)).to_bits() == x.to_bits()));
    }
}
