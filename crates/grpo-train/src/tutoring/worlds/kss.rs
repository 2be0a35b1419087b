use crate::Error;
use crate::tutoring::{Purpose, Rival, Role, World, world::any_allowed};
use grpo_edu::students::kss::{Baseline, ITEMS, Kss, KssConfig, KssEpisode, WarmupOrder, beam_plan};
use grpo_edu::{EduError, Layout, SeededDraws};
use grpo_rollout::Environment;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Lessons in a graph of prerequisites: see [`grpo_edu::students::kss`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KssTask {
    /// Exercises of a session.
    pub steps: usize,
    /// Whether the tutor is told what the learner wants to learn.
    pub targets_visible: bool,
    /// Difficulty of each item.
    pub difficulty: [u8; ITEMS],
    /// Exercises that a learner has done before the tutor comes.
    pub warmup_steps: usize,
    /// The order used in the warm-up.
    pub warmup_order: WarmupOrder,
    /// Width of the beam of the reference that plans ahead; 0 leaves it out.
    pub beam_width: usize,
}

impl Default for KssTask {
    fn default() -> Self {
        let KssConfig { difficulty, warmup_steps, warmup_order, targets_visible } = KssConfig::default();
        Self { steps: 20, targets_visible, difficulty, warmup_steps, warmup_order, beam_width: 100 }
    }
}

/// The world of a [`KssTask`].
#[derive(Debug, Clone)]
pub struct KssWorld {
    kss: Kss,
    steps: usize,
    beam_width: usize,
}

impl KssWorld {
    /// For a task.
    ///
    /// # Errors
    /// Names the key that has an impossible value.
    pub fn new(task: &KssTask) -> Result<Self, Error> {
        if task.steps == 0 {
            return Err(Error::setting("environment.steps", "is 0", "use at least 1"));
        }
        let KssTask { difficulty, warmup_steps, warmup_order, targets_visible, .. } = *task;
        let kss = Kss::new(KssConfig { difficulty, warmup_steps, warmup_order, targets_visible })?;
        Ok(Self { kss, steps: task.steps, beam_width: task.beam_width })
    }
}

impl World for KssWorld {
    type Session = KssEpisode;

    fn learner(&self, purpose: Purpose, seed: u64, index: u64) -> Result<KssEpisode, EduError> {
        let session = self.kss.reset(&mut SeededDraws::new(purpose.domain(), seed, index))?;
        Ok(KssEpisode::new(session, self.steps))
    }

    fn layout(&self) -> Layout {
        KssEpisode::LAYOUT
    }

    fn actions(&self) -> Vec<String> {
        (0..ITEMS).map(|item| format!("skill {item}")).collect()
    }

    fn max_steps(&self) -> usize {
        self.steps
    }

    fn measure(&self) -> &'static str {
        "share of the missing targets that are reached"
    }

    fn rivals(&self, _: u64) -> Result<Vec<Rival<KssEpisode>>, Error> {
        let simple = |name: &str, role, baseline: Baseline| {
            Rival::choosing(name, role, move |_: &KssEpisode| {
                move |session: &KssEpisode, draws: &mut ChaCha8Rng| baseline.choose(session.session(), draws)
            })
        };
        let mut rivals = vec![
            simple("random", Role::Baseline, Baseline::Random),
            any_allowed("random among legal"),
            simple("greedy, one step ahead", Role::Reference, Baseline::Greedy),
        ];
        if self.beam_width > 0 {
            let (steps, width) = (self.steps, self.beam_width);
            let teach = move |start: &KssEpisode, luck: &mut ChaCha8Rng, _: &mut ChaCha8Rng| {
                let mut session = start.clone();
                let mut rewards = Vec::new();
                for item in beam_plan(start.session(), steps, width) {
                    let transition = session.step(item, luck)?;
                    rewards.push(transition.reward);
                    if transition.done {
                        break;
                    }
                }
                Ok(rewards)
            };
            let name = format!("planner (beam of {width})");
            rivals.push(Rival { name, role: Role::Reference, teach: Box::new(teach) });
        }
        Ok(rivals)
    }
}
