//! The episodes of one prompt, side by side.

use std::collections::HashMap;

use crate::Sample;

/// Which samples belong together, by their [`Sample::group`], in the order of their first appearance.
pub(crate) fn groups(samples: &[Sample<'_>]) -> Vec<Vec<usize>> {
    let mut places = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, sample) in samples.iter().enumerate() {
        let place = *places.entry(sample.group).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(at);
    }
    groups
}
