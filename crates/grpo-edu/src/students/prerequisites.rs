//! A graph of prerequisites between skills, and the candidates for the next exercise.

use crate::error::EduError;
use std::collections::BTreeSet;

/// How far a prerequisite counts when one looks back from an unmastered skill.
const HOPS: usize = 2;

/// Skills `0..len` and which of them is a prerequisite of which; free of cycles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prerequisites {
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
}

/// The exercises one may go on with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candidates {
    /// The candidates proper.
    pub core: BTreeSet<usize>,
    /// Skills that were met on the way and are mastered, or not ready to be learned; empty unless
    /// mastery is taken into account.
    pub soft: BTreeSet<usize>,
}

impl Prerequisites {
    /// The graph with an edge from each prerequisite to each skill that needs it.
    ///
    /// # Errors
    ///
    /// [`EduError::Graph`] when an edge names a skill that does not exist, or the edges form a cycle.
    pub fn new(skills: usize, edges: &[(usize, usize)]) -> Result<Self, EduError> {
        let mut graph = Self { before: vec![vec![]; skills], after: vec![vec![]; skills] };
        for &(from, to) in edges {
            if from >= skills || to >= skills {
                return Err(EduError::Graph {
                    reason: format!("the edge {from} -> {to} leaves the {skills} skills 0..{skills}"),
                });
            }
            graph.after[from].push(to);
            graph.before[to].push(from);
        }
        for list in graph.before.iter_mut().chain(&mut graph.after) {
            list.sort_unstable();
            list.dedup();
        }
        let order = graph.order();
        if order.len() < skills {
            let stuck = (0..skills).find(|skill| !order.contains(skill)).unwrap_or(0);
            return Err(EduError::Graph {
                reason: format!("skill {stuck} lies on or behind a cycle, so it could never be reached"),
            });
        }
        Ok(graph)
    }

    /// How many skills there are.
    pub fn len(&self) -> usize {
        self.before.len()
    }

    /// Whether there is no skill at all.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty()
    }

    /// The direct prerequisites of a skill, ascending; none for a skill that does not exist.
    pub fn before(&self, skill: usize) -> &[usize] {
        self.before.get(skill).map_or(&[], Vec::as_slice)
    }

    /// The skills that need this one directly, ascending; none for a skill that does not exist.
    pub fn after(&self, skill: usize) -> &[usize] {
        self.after.get(skill).map_or(&[], Vec::as_slice)
    }

    /// Every skill after all of its prerequisites. Skills on or behind a cycle are missing.
    fn order(&self) -> Vec<usize> {
        let mut waiting: Vec<usize> = self.before.iter().map(Vec::len).collect();
        let mut order: Vec<usize> = (0..self.len()).filter(|&skill| waiting[skill] == 0).collect();
        let mut next = 0;
        while let Some(&skill) = order.get(next) {
            for &later in self.after(skill) {
                waiting[later] -= 1;
                if waiting[later] == 0 {
                    order.push(later);
                }
            }
            next += 1;
        }
        order
    }

    /// What each skill receives when `from` gains 1 and every skill passes half of its gain to each skill
    /// that needs it: the sum over all paths of `2^-length`, 1 for `from` itself.
    pub fn transfer(&self, from: usize) -> Vec<f64> {
        let mut share = vec![0.0; self.len()];
        if let Some(own) = share.get_mut(from) {
            *own = 1.0;
        }
        for skill in self.order() {
            for &later in self.after(skill) {
                share[later] += 0.5 * share[skill];
            }
        }
        share
    }

    /// The candidates after `last` from the graph alone: its children, parents, grandparents, siblings
    /// and itself; every skill when `last` is none or stands alone. (EduSim's routine without shortcuts,
    /// the one that KSS calls.)
    pub fn candidates(&self, last: Option<usize>) -> Candidates {
        let Some(last) = last else { return self.everything() };
        let mut core: BTreeSet<usize> = self.after(last).iter().copied().collect();
        for &parent in self.before(last) {
            core.insert(parent);
            core.extend(self.before(parent));
            core.extend(self.after(parent));
        }
        if core.is_empty() {
            return self.everything();
        }
        core.insert(last);
        Candidates { core, soft: BTreeSet::new() }
    }

    /// The candidates after `last` for a learner who has mastered some skills already. (EduSim's routine
    /// with shortcuts; KSS does not use it.) `mastered` holds one entry per skill; missing ones count as
    /// not mastered.
    pub fn candidates_with_shortcuts(&self, last: Option<usize>, mastered: &[bool]) -> Candidates {
        let is_mastered = |skill: usize| mastered.get(skill).copied().unwrap_or(false);
        let mut found = Candidates::default();
        match last {
            Some(last) if is_mastered(last) => {
                for &child in self.after(last) {
                    found.put(child, is_mastered(child));
                }
                if !found.core.is_empty() {
                    return found;
                }
            }
            Some(last) => {
                for &parent in self.before(last) {
                    self.look_back(parent, HOPS, &is_mastered, &mut found);
                }
                found.core.insert(last);
                return found;
            }
            None => {}
        }
        for skill in 0..self.len() {
            let ready = !is_mastered(skill) && self.before(skill).iter().all(|&parent| is_mastered(parent));
            found.put(skill, !ready);
        }
        if found.core.is_empty() { self.everything() } else { found }
    }

    fn look_back(
        &self,
        skill: usize,
        hops: usize,
        is_mastered: &impl Fn(usize) -> bool,
        found: &mut Candidates,
    ) {
        found.put(skill, is_mastered(skill));
        if hops == 0 {
            return;
        }
        for &parent in self.before(skill).iter().filter(|&&parent| !is_mastered(parent)) {
            self.look_back(parent, hops - 1, is_mastered, found);
        }
        for &child in self.after(skill) {
            found.put(child, is_mastered(child));
        }
    }

    fn everything(&self) -> Candidates {
        Candidates { core: (0..self.len()).collect(), soft: BTreeSet::new() }
    }
}

impl Candidates {
    fn put(&mut self, skill: usize, soft: bool) {
        if soft { &mut self.soft } else { &mut self.core }.insert(skill);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_and_an_unknown_skill_are_refused() {
        let cycle = Prerequisites::new(3, &[(0, 1), (1, 2), (2, 1)]).expect_err("a cycle");
        assert!(cycle.to_string().contains("skill 1"), "{cycle}");
        let unknown = Prerequisites::new(3, &[(0, 3)]).expect_err("no such skill");
        assert!(unknown.to_string().contains("0 -> 3"), "{unknown}");
    }

    #[test]
    fn transfer_adds_up_every_path() {
        // 0 -> 1 -> 3, 0 -> 2 -> 3, and directly 0 -> 3.
        let graph = Prerequisites::new(5, &[(0, 1), (0, 2), (1, 3), (2, 3), (0, 3)]).expect("no cycle");
        assert_eq!(graph.transfer(0), [1.0, 0.5, 0.5, 1.0, 0.0]);
        assert_eq!(graph.transfer(3), [0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(graph.transfer(9), [0.0; 5]);
    }
}
