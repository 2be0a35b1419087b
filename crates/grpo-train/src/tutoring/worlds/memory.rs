use crate::Error;
use crate::tutoring::{Purpose, Rival, Role, World, world::any_allowed};
use grpo_edu::students::memory::{
    Leitner, Memory, MemoryConfig, MemoryEpisode, MemoryReward, MemoryTutor, Review, Threshold,
};
use grpo_edu::{EduError, Layout, SeededDraws};
use grpo_rollout::Streams;
use rand_chacha::ChaCha8Rng;

/// Students that a rival's parameter is tuned on.
const TUNING_STUDENTS: u64 = 50;

/// Spaced repetition: see [`grpo_edu::students::memory`].
#[derive(Debug, Clone)]
pub struct MemoryWorld {
    memory: Memory,
}

impl MemoryWorld {
    /// For an environment.
    ///
    /// # Errors
    /// Names the key that has an impossible value.
    pub fn new(config: MemoryConfig) -> Result<Self, Error> {
        Ok(Self { memory: Memory::new(config)? })
    }

    /// A tutor of the crate as a rival.
    fn rival(
        name: String,
        role: Role,
        make: impl Fn(&MemoryEpisode) -> Result<Box<dyn MemoryTutor>, EduError> + Sync + Send + 'static,
    ) -> Rival<MemoryEpisode> {
        let teach = move |start: &MemoryEpisode, luck: &mut ChaCha8Rng, draws: &mut ChaCha8Rng| {
            let (mut session, mut tutor) = (start.clone(), make(start)?);
            tutor.reset(draws);
            let mut rewards = Vec::new();
            loop {
                let last: Review = session.session().last();
                tutor.update(last);
                let transition = grpo_rollout::Environment::step(&mut session, tutor.choose(draws), luck)?;
                rewards.push(transition.reward);
                if transition.done {
                    return Ok(rewards);
                }
            }
        };
        Rival { name, role, teach: Box::new(teach) }
    }

    fn leitner(&self, arrival: f64) -> Rival<MemoryEpisode> {
        let items = self.memory.config().items;
        let make =
            move |_: &MemoryEpisode| Ok(Box::new(Leitner::new(items, arrival)?) as Box<dyn MemoryTutor>);
        Self::rival(format!("Leitner (arrival {arrival:.2}, tuned)"), Role::Baseline, make)
    }

    fn threshold(&self, threshold: f64) -> Rival<MemoryEpisode> {
        let memory = self.memory.clone();
        let make = move |start: &MemoryEpisode| {
            let student = start.session().student();
            Ok(Box::new(Threshold::new(&memory, student, threshold)?) as Box<dyn MemoryTutor>)
        };
        Self::rival(format!("threshold ({threshold:.2}, tuned)"), Role::Reference, make)
    }

    /// The threshold tutor with a threshold of its own for each student, found as in deeptutor: an episode with each of 100 thresholds,
    /// and the first best wins.
    fn threshold_each(&self, seed: u64) -> Rival<MemoryEpisode> {
        let world = self.clone();
        let teach = move |start: &MemoryEpisode, luck: &mut ChaCha8Rng, draws: &mut ChaCha8Rng| {
            let streams = Streams::new(seed);
            let mut best = (f64::NEG_INFINITY, 0.0);
            for (index, threshold) in grid().enumerate() {
                let stream = |which| streams.stream(u64::MAX, index as u64, which);
                let worth: f64 =
                    (world.threshold(threshold).teach)(start, &mut stream(1), &mut stream(0))?.iter().sum();
                if worth > best.0 {
                    best = (worth, threshold);
                }
            }
            (world.threshold(best.1).teach)(start, luck, draws)
        };
        let name = "threshold, tuned for each student".to_string();
        Rival { name, role: Role::Reference, teach: Box::new(teach) }
    }

    /// The parameter from 0, 0.01, …, 0.99 with the best mean over some students.
    fn tuned(
        &self,
        seed: u64,
        rival: impl Fn(f64) -> Rival<MemoryEpisode>,
    ) -> Result<Rival<MemoryEpisode>, Error> {
        let starts = (0..TUNING_STUDENTS)
            .map(|index| self.learner(Purpose::Tuning, seed, index))
            .collect::<Result<Vec<_>, _>>()?;
        let streams = Streams::new(seed);
        let mut best: Option<(f64, Rival<MemoryEpisode>)> = None;
        for parameter in grid() {
            let candidate = rival(parameter);
            let mut worth = 0.0;
            for (index, start) in starts.iter().enumerate() {
                let stream = |which| streams.stream(0, index as u64, which);
                worth += (candidate.teach)(start, &mut stream(1), &mut stream(0))?.iter().sum::<f64>();
            }
            if best.as_ref().is_none_or(|(most, _)| worth > *most) {
                best = Some((worth, candidate));
            }
        }
        best.map(|(_, rival)| rival).ok_or_else(|| {
            Error::setting("environment", "has no tunable tutor", "this is a mistake in the program")
        })
    }
}

fn grid() -> impl Iterator<Item = f64> {
    (0..100).map(|percent| f64::from(percent) / 100.0)
}

impl World for MemoryWorld {
    type Session = MemoryEpisode;

    fn learner(&self, purpose: Purpose, seed: u64, index: u64) -> Result<MemoryEpisode, EduError> {
        let mut draws = SeededDraws::new(purpose.domain(), seed, index);
        let student = self.memory.draw_student(&mut draws).into();
        Ok(MemoryEpisode::new(self.memory.reset(&student, &mut draws)?))
    }

    fn layout(&self) -> Layout {
        MemoryEpisode::layout(self.memory.config())
    }

    fn actions(&self) -> Vec<String> {
        (0..self.memory.config().items).map(|item| format!("item {item}")).collect()
    }

    fn max_steps(&self) -> usize {
        self.memory.config().steps - 1
    }

    fn measure(&self) -> &'static str {
        match self.memory.config().reward {
            MemoryReward::Probability => "mean recall of all items over the session",
            MemoryReward::Likelihood => "mean recall of all items over the session, values above 1 included",
            MemoryReward::LogLikelihood => "mean logarithm of the recall of all items over the session",
        }
    }

    fn shows_inside(&self) -> bool {
        self.memory.config().student_visible
    }

    fn rivals(&self, seed: u64) -> Result<Vec<Rival<MemoryEpisode>>, Error> {
        Ok(vec![
            any_allowed("random"),
            self.tuned(seed, |arrival| self.leitner(arrival))?,
            self.tuned(seed, |threshold| self.threshold(threshold))?,
            self.threshold_each(seed),
        ])
    }
}
