use crate::{Environment, Episode, Error, FinishReason, Group, Streams, choose};
use burn::tensor::{Device, Tensor, TensorData};

/// The half of a tutoring policy that acts: scores for every action, step by step, for many sessions together.
pub trait Agent {
    /// What it remembers of the sessions so far.
    type Memory;

    /// Where it computes.
    fn device(&self) -> Device;

    /// The memory of `sessions` sessions that begin.
    fn begin(&self, sessions: usize) -> Self::Memory;

    /// Unnormalised log-probabilities `[sessions, actions]` after the next observations, `[sessions, features]`.
    ///
    /// # Errors
    /// When the observations aren't what the policy was made for.
    fn act(&self, observations: Tensor<2>, memory: &mut Self::Memory) -> Result<Tensor<2>, Error>;
}

/// The stream of a group's luck. Even ones are its sessions' own.
const LUCK: u64 = 1;

/// How sessions are played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Play {
    /// Sessions from each start: G.
    pub group_size: usize,
    /// Steps after which a session is truncated.
    pub max_steps: usize,
    /// Divides the scores before the softmax; 0 takes the most probable action.
    pub temperature: f64,
}

/// Sessions that were played, group by group.
#[derive(Debug, Clone)]
pub struct Sessions<E> {
    /// Actions and their log-probabilities; a group's `prompt` is the index of its start.
    pub groups: Vec<Group>,
    /// What else is known of each episode, in the order of the groups.
    pub records: Vec<Record<E>>,
}

/// What a session was like.
#[derive(Debug, Clone)]
pub struct Record<E> {
    /// The environment as the session left it.
    pub end: E,
    /// What the policy saw before each action, `[steps, features]`.
    pub observations: Vec<f32>,
    /// Which actions it could take, `[steps, actions]`.
    pub allowed: Vec<bool>,
    /// Reward of each step.
    pub rewards: Vec<f64>,
    /// The environment's clock before each action.
    pub clocks: Vec<u64>,
}

impl<E> Record<E> {
    /// What the session was worth: the sum of its rewards.
    pub fn reward(&self) -> f64 {
        self.rewards.iter().sum()
    }
}

/// Plays `play.group_size` sessions from each start, all of them together: one forward pass of the policy per step.
///
/// Session `s` of start `p` draws its actions from `streams.stream(step, p, 2 s)`, and its environment's luck from
/// `streams.stream(step, p, 1)`, and nothing else: other starts, other groups and the number of sessions played together change nothing. The
/// sessions of a group share their luck (common random numbers), as far as an environment's draws don't depend on what is done: they then
/// differ by the choices alone, and so their rewards say more about those.
///
/// # Errors
/// [`Error::Environment`] when an environment refuses an action, [`Error::Distribution`] when scores are broken or no action is
/// allowed, and what the policy says.
pub fn play<E: Environment, A: Agent>(
    agent: &A,
    starts: &[E],
    play: Play,
    streams: &Streams,
    step: u64,
) -> Result<Sessions<E>, Error> {
    if play.group_size == 0 || play.max_steps == 0 {
        let (key, value) = if play.group_size == 0 { ("group_size", 0) } else { ("max_steps", 0) };
        return Err(Error::Setting { key, value: value.to_string(), reason: "use at least 1" });
    }
    let Some(first) = starts.first() else { return Ok(Sessions { groups: Vec::new(), records: Vec::new() }) };
    let (features, actions) = (first.features(), first.actions());
    let mut seats: Vec<Seat<E>> = (0..starts.len() * play.group_size)
        .map(|at| {
            let (start, sample) = (at / play.group_size, (at % play.group_size) as u64);
            let stream = |which: u64| streams.stream(step, start as u64, which);
            Seat::new(starts[start].clone(), stream(2 * sample), stream(LUCK))
        })
        .collect();
    let device = agent.device();
    let mut memory = agent.begin(seats.len());
    for _ in 0..play.max_steps {
        if seats.iter().all(|seat| seat.done) {
            break;
        }
        // Sessions that are over keep their place; what is said about them isn't read.
        let mut observations = vec![0.0; seats.len() * features];
        for (seat, row) in seats.iter().zip(observations.chunks_mut(features)).filter(|(seat, _)| !seat.done)
        {
            seat.environment.observe(row);
        }
        let data = TensorData::new(observations.clone(), [seats.len(), features]);
        let scores = agent.act(Tensor::from_data(data, &device), &mut memory)?;
        let scores = scores
            .try_into_vec_as::<f32>()
            .map_err(|e| Error::Policy(format!("the scores can't be read from the device: {e}")))?;
        let rows = scores.chunks(actions).zip(observations.chunks(features));
        for (at, (seat, (scores, observation))) in seats.iter_mut().zip(rows).enumerate() {
            if !seat.done {
                seat.step(
                    scores,
                    observation,
                    play.temperature,
                    [at / play.group_size, at % play.group_size],
                )?;
            }
        }
    }
    let mut groups = Vec::with_capacity(starts.len());
    let mut records = Vec::with_capacity(seats.len());
    let mut seats = seats.into_iter();
    for prompt in 0..starts.len() {
        let (episodes, ends): (Vec<Episode>, Vec<Record<E>>) =
            seats.by_ref().take(play.group_size).map(Seat::leave).unzip();
        groups.push(Group { prompt, episodes });
        records.extend(ends);
    }
    Ok(Sessions { groups, records })
}

/// One session being played.
struct Seat<E> {
    environment: E,
    choices: rand_chacha::ChaCha8Rng,
    luck: rand_chacha::ChaCha8Rng,
    episode: Episode,
    observations: Vec<f32>,
    allowed: Vec<bool>,
    rewards: Vec<f64>,
    clocks: Vec<u64>,
    done: bool,
}

impl<E: Environment> Seat<E> {
    fn new(environment: E, choices: rand_chacha::ChaCha8Rng, luck: rand_chacha::ChaCha8Rng) -> Self {
        let episode = Episode {
            actions: Vec::new(),
            log_probs: Vec::new(),
            entropies: Vec::new(),
            supports: Vec::new(),
            finish: FinishReason::Truncated,
        };
        Self {
            environment,
            choices,
            luck,
            episode,
            observations: Vec::new(),
            allowed: Vec::new(),
            rewards: Vec::new(),
            clocks: Vec::new(),
            done: false,
        }
    }

    fn step(
        &mut self,
        scores: &[f32],
        observation: &[f32],
        temperature: f64,
        [prompt, sample]: [usize; 2],
    ) -> Result<(), Error> {
        let mut allowed = vec![true; scores.len()];
        self.environment.allow(&mut allowed);
        let masked: Vec<f32> =
            scores.iter().zip(&allowed).map(|(&s, &ok)| if ok { s } else { f32::NEG_INFINITY }).collect();
        let choice = choose(&masked, temperature, &mut self.choices).ok_or(Error::Distribution {
            prompt,
            sample,
            seen: "NaN, infinity, or no action that is allowed",
        })?;
        let clock = self.environment.clock().unwrap_or(self.rewards.len() as u64);
        let transition = self
            .environment
            .step(choice.action as usize, &mut self.luck)
            .map_err(|e| Error::Environment { prompt, sample, reason: e.to_string() })?;
        self.observations.extend_from_slice(observation);
        self.allowed.extend(allowed);
        self.rewards.push(transition.reward);
        self.clocks.push(clock);
        self.episode.actions.push(choice.action);
        self.episode.log_probs.push(choice.log_prob);
        self.episode.entropies.push(choice.entropy);
        if transition.done {
            self.episode.finish = FinishReason::Terminated;
            self.done = true;
        }
        Ok(())
    }

    fn leave(self) -> (Episode, Record<E>) {
        let Self { environment, episode, observations, allowed, rewards, clocks, .. } = self;
        (episode, Record { end: environment, observations, allowed, rewards, clocks })
    }
}
