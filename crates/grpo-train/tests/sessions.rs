//! GRPO on sessions with an environment: what was played is what is trained, the split changes nothing, and a tutor learns.

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::tensor::Device;
use grpo_core::{Aggregate, KlPenalty, Objective};
use grpo_edu::students::kss::{Kss, KssConfig, KssEpisode};
use grpo_edu::students::memory::{Memory, MemoryConfig, MemoryEpisode, MemoryModel, MemoryReward};
use grpo_edu::{Critic, Layout, SeededDraws, Tutor, TutorConfig};
use grpo_rollout::{
    Agent, Environment, Episode, FinishReason, Play, Policy, Record, SessionBatch, Streams, Transition, play,
};
use grpo_train::{
    Credit, CriticCredit, Decay, GroupCredit, OptimizerConfig, Schedule, SessionTrainer, Workers,
};
use rand_chacha::{ChaCha8Rng, rand_core::RngCore};

fn device() -> Device {
    grpo_device::from_env().expect("GRPO_DEVICE names a device of this build")
}

/// A walk on a line: right is worth 1 with luck, left is forbidden at the start, and the session ends at `goal`.
#[derive(Clone, Debug, PartialEq)]
struct Walk {
    at: usize,
    goal: usize,
    steps: usize,
}

impl Environment for Walk {
    type Error = String;

    fn actions(&self) -> usize {
        3
    }

    fn features(&self) -> usize {
        2
    }

    fn observe(&self, features: &mut [f32]) {
        features.copy_from_slice(&[self.at as f32, self.goal as f32]);
    }

    fn allow(&self, allowed: &mut [bool]) {
        allowed[0] = self.at > 0;
    }

    fn step(&mut self, action: usize, rng: &mut ChaCha8Rng) -> Result<Transition, String> {
        if self.steps == 99 {
            return Err("tired".into());
        }
        self.steps += 1;
        let lucky = rng.next_u32().is_multiple_of(2);
        match action {
            0 => self.at -= 1,
            1 => {}
            _ => self.at += 1,
        }
        Ok(Transition { reward: f64::from(u8::from(action == 2 && lucky)), done: self.at == self.goal })
    }
}

fn walk(goal: usize) -> Walk {
    Walk { at: 0, goal, steps: 0 }
}

fn tutor(memory: usize, features: usize, actions: usize, device: &Device) -> Tutor {
    let config = TutorConfig { hidden: 16, memory, critic: Critic::None };
    Tutor::new(config, Layout::Whole { features, actions }, 5, device).unwrap()
}

fn how(group_size: usize, max_steps: usize) -> Play {
    Play { group_size, max_steps, temperature: 1.0 }
}

#[test]
fn sessions_are_played_to_their_end_and_told_completely() {
    let agent = tutor(4, 2, 3, &device());
    let starts = [walk(3), walk(2), walk(50)];
    let sessions = play(&agent, &starts, how(4, 12), &Streams::new(1), 7).unwrap();
    assert_eq!(
        sessions.groups.iter().map(|g| (g.prompt, g.episodes.len())).collect::<Vec<_>>(),
        [(0, 4), (1, 4), (2, 4)]
    );
    let episodes: Vec<&Episode> = sessions.groups.iter().flat_map(|g| &g.episodes).collect();
    for (at, (episode, record)) in episodes.iter().zip(&sessions.records).enumerate() {
        let n = episode.len();
        assert_eq!(
            (record.observations.len(), record.allowed.len(), record.rewards.len()),
            (2 * n, 3 * n, n)
        );
        assert_eq!((episode.log_probs.len(), episode.entropies.len()), (n, n));
        // Replaying the actions gives the same walk.
        let mut again = starts[at / 4].clone();
        for (step, &action) in episode.actions.iter().enumerate() {
            let mut features = [0.0; 2];
            again.observe(&mut features);
            assert_eq!(record.observations[2 * step..2 * step + 2], features);
            assert_eq!(record.allowed[3 * step..3 * step + 3], [again.at > 0, true, true]);
            assert!(record.allowed[3 * step + action as usize]);
            again.step(action as usize, &mut Streams::new(0).stream(0, 0, 0)).unwrap();
        }
        assert_eq!(again, record.end);
        match episode.finish {
            FinishReason::Terminated => assert_eq!(record.end.at, record.end.goal),
            FinishReason::Truncated => assert_eq!(n, 12),
        }
        assert_eq!(record.reward(), record.rewards.iter().sum::<f64>());
    }
    assert!(episodes.iter().any(|e| e.finish == FinishReason::Terminated));
    assert!(episodes[8..].iter().all(|e| e.finish == FinishReason::Truncated));
}

#[test]
fn a_session_depends_on_its_own_streams_alone() {
    let agent = tutor(4, 2, 3, &device());
    let all = play(&agent, &[walk(3), walk(5)], how(6, 9), &Streams::new(1), 2).unwrap();
    let fewer = play(&agent, &[walk(3)], how(3, 9), &Streams::new(1), 2).unwrap();
    let actions = |episodes: &[Episode]| episodes.iter().map(|e| e.actions.clone()).collect::<Vec<_>>();
    assert_eq!(actions(&all.groups[0].episodes[..3]), actions(&fewer.groups[0].episodes));
    let another = play(&agent, &[walk(3)], how(3, 9), &Streams::new(1), 3).unwrap();
    assert_ne!(actions(&another.groups[0].episodes), actions(&fewer.groups[0].episodes));
}

#[test]
fn what_cannot_be_played_is_refused() {
    let agent = tutor(0, 2, 3, &device());
    assert!(play(&agent, &[walk(3)], how(0, 9), &Streams::new(1), 0).is_err());
    assert!(play(&agent, &[walk(3)], how(2, 0), &Streams::new(1), 0).is_err());
    assert_eq!(play::<Walk, _>(&agent, &[], how(2, 3), &Streams::new(1), 0).unwrap().records.len(), 0);
    let tired = Walk { steps: 99, ..walk(3) };
    let error = play(&agent, &[walk(3), tired], how(2, 3), &Streams::new(1), 0).unwrap_err();
    assert!(
        error.to_string().contains("prompt 1, sample 0") && error.to_string().contains("tired"),
        "{error}"
    );
}

#[test]
fn log_probabilities_of_training_are_those_of_playing() {
    let device = device();
    for memory in [0, 6] {
        let policy = tutor(memory, 2, 3, &device.clone().autodiff());
        let sessions = play(&policy.valid(), &[walk(2), walk(9)], how(5, 11), &Streams::new(3), 0).unwrap();
        let rows: Vec<(&Episode, &Record<Walk>)> =
            sessions.groups.iter().flat_map(|g| &g.episodes).zip(&sessions.records).collect();
        let batch = SessionBatch::new(&rows, 2, 3, &device);
        let evaluation = policy.evaluate(&batch.states, batch.actions).unwrap();
        let steps = evaluation.log_probs.dims()[1];
        let values = |x: burn::tensor::Tensor<2>| x.into_data().iter::<f32>().collect::<Vec<f32>>();
        let (log_probs, entropies) = (values(evaluation.log_probs), values(evaluation.entropy));
        for (row, (episode, _)) in rows.iter().enumerate() {
            for t in 0..episode.len() {
                assert!((log_probs[row * steps + t] - episode.log_probs[t]).abs() < 1e-5, "memory {memory}");
                assert!((entropies[row * steps + t] - episode.entropies[t]).abs() < 1e-5, "memory {memory}");
            }
        }
    }
}

fn reviews(first: u64, count: u64) -> Vec<MemoryEpisode> {
    let config = MemoryConfig {
        model: MemoryModel::Hlr,
        items: 8,
        steps: 41,
        reward: MemoryReward::Probability,
        ..MemoryConfig::default()
    };
    let memory = Memory::new(config).unwrap();
    (first..first + count)
        .map(|i| {
            let student = memory.draw_student(&mut SeededDraws::new("students", 1, i)).into();
            MemoryEpisode::new(memory.reset(&student, &mut SeededDraws::new("sessions", 1, i)).unwrap())
        })
        .collect()
}

#[test]
fn an_item_tutor_judges_items_alike_and_trains_on_what_it_played() {
    let device = device();
    let starts = reviews(0, 2);
    let policy = item_tutor(Critic::None, &device.clone().autodiff());
    let sessions = play(&policy.valid(), &starts, how(3, 40), &Streams::new(3), 0).unwrap();
    let rows: Vec<(&Episode, &Record<MemoryEpisode>)> =
        sessions.groups.iter().flat_map(|g| &g.episodes).zip(&sessions.records).collect();
    let batch = SessionBatch::new(&rows, 65, 8, &device);
    let log_probs: Vec<f32> =
        policy.evaluate(&batch.states, batch.actions).unwrap().log_probs.into_data().iter().collect();
    for (row, (episode, _)) in rows.iter().enumerate() {
        assert_eq!(episode.len(), 40);
        for (t, old) in episode.log_probs.iter().enumerate() {
            assert!((log_probs[row * 40 + t] - old).abs() < 1e-5);
        }
    }
    // Exchanging two items exchanges their scores.
    let mut seen = rows[0].1.observations[65 * 20..65 * 21].to_vec();
    let scores = |seen: &[f32]| -> Vec<f32> {
        let row = burn::tensor::TensorData::new(seen.to_vec(), [1, 65]);
        let row = burn::tensor::Tensor::<2>::from_data(row, &device);
        policy.valid().act(row, &mut None).unwrap().into_data().iter().collect()
    };
    let before = scores(&seen);
    for k in 0..8 {
        seen.swap(8 * 2 + k, 8 * 6 + k);
    }
    let mut after = scores(&seen);
    after.swap(2, 6);
    assert!(before.iter().zip(after).all(|(a, b)| (a - b).abs() < 1e-5), "{before:?}");
}

fn item_tutor(critic: Critic, device: &Device) -> Tutor {
    let layout = Layout::Items { items: 8, per_item: 8, rest: 1, others: 0 };
    Tutor::new(TutorConfig { hidden: 16, memory: 0, critic }, layout, 3, device).unwrap()
}

#[test]
fn an_item_tutor_learns_when_to_review() {
    let grpo = SessionTrainer {
        schedule: Schedule { peak: 2e-2, ..grpo(64, 40).schedule },
        play: how(8, 40),
        ..grpo(64, 40)
    };
    let mut policy = item_tutor(Critic::None, &device().autodiff());
    let mut optimizer = grpo.optimizer.init();
    let (streams, workers) = (Streams::new(4), Workers::new(2).unwrap());
    let rewards: Vec<f64> = (0..40)
        .map(|step| {
            let starts = reviews(100 + 8 * step as u64, 8);
            grpo.step(&mut policy, &mut optimizer, &starts, &streams, step, &workers).unwrap().reward
        })
        .collect();
    let mean = |r: &[f64]| r.iter().sum::<f64>() / r.len() as f64;
    let (first, last) = (mean(&rewards[..3]), mean(&rewards[35..]));
    assert!(last > first + 0.04, "{first:.3} -> {last:.3}");
}

fn grpo(micro_batch_size: usize, steps: usize) -> SessionTrainer {
    SessionTrainer {
        play: how(8, 20),
        iterations: 1,
        minibatches: 1,
        micro_batch_size,
        schedule: Schedule { peak: 3e-3, warmup: 0, steps, decay: Decay::Constant, floor: 0.0 },
        credit: Credit::Group(GroupCredit::default()),
        objective: Objective {
            aggregate: Aggregate::TokenMean,
            entropy_bonus: 0.001,
            ..Objective::default()
        },
        optimizer: OptimizerConfig::default(),
    }
}

fn learners(first: u64, count: u64) -> Vec<KssEpisode> {
    let kss = Kss::new(KssConfig::default()).unwrap();
    (first..first + count)
        .map(|i| KssEpisode::new(kss.reset(&mut SeededDraws::new("learners", 1, i)).unwrap(), 20))
        .collect()
}

fn weights(tutor: &Tutor) -> Vec<f32> {
    struct All(Vec<f32>);
    impl burn::module::ModuleVisitor for All {
        fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<burn::tensor::Tensor<D>>) {
            self.0.extend(param.val().into_data().iter::<f32>());
        }
    }
    let mut all = All(Vec::new());
    tutor.visit(&mut all);
    all.0
}

fn train(grpo: &SessionTrainer, memory: usize, workers: usize, steps: usize) -> (Tutor, Vec<f64>) {
    let device = device().autodiff();
    let critic = match grpo.credit {
        Credit::Group(_) => Critic::None,
        Credit::Critic(_) => Critic::Shared,
    };
    let config = TutorConfig { hidden: 64, memory, critic };
    let mut policy = Tutor::new(config, KssEpisode::LAYOUT, 1, &device).unwrap();
    let mut optimizer: ModuleOptimizer = grpo.optimizer.init();
    let (streams, workers) = (Streams::new(4), Workers::new(workers).unwrap());
    let rewards = (0..steps)
        .map(|step| {
            let starts = learners(16 * step as u64, 16);
            let metrics = grpo.step(&mut policy, &mut optimizer, &starts, &streams, step, &workers).unwrap();
            assert!(metrics.entropy > 0.0 && metrics.grad_norm > 0.0 && metrics.steps <= 16 * 8 * 20);
            metrics.reward
        })
        .collect();
    (policy, rewards)
}

#[test]
fn neither_the_split_nor_the_number_of_workers_changes_the_result() {
    for memory in [0, 8] {
        let (whole, _) = train(&grpo(1000, 2), memory, 1, 2);
        for (size, workers) in [(1000, 3), (40, 1), (40, 3), (7, 2)] {
            let (parts, _) = train(&grpo(size, 2), memory, workers, 2);
            let largest =
                weights(&whole).iter().zip(weights(&parts)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            // AdamW divides by the gradient's own size, so that rounding of a tiny gradient shows.
            assert!(largest < 1e-4, "micro-batches of {size}, {workers} workers: {largest}");
        }
        // The same split on more workers is the same bit for bit.
        let (one, two) = (train(&grpo(40, 2), memory, 1, 2).0, train(&grpo(40, 2), memory, 2, 2).0);
        assert_eq!(weights(&one), weights(&two));
    }
}

#[test]
fn a_tutor_learns_to_teach() {
    let to_go = Credit::Group(GroupCredit { to_go: true, ..GroupCredit::default() });
    let ppo = Credit::Critic(CriticCredit::default());
    for (memory, credit) in [(0, grpo(64, 40).credit), (16, to_go), (0, ppo), (8, ppo)] {
        let trainer = SessionTrainer { credit, ..grpo(64, 40) };
        let (_, rewards) = train(&trainer, memory, 2, 40);
        let mean = |r: &[f64]| r.iter().sum::<f64>() / r.len() as f64;
        let (first, last) = (mean(&rewards[..5]), mean(&rewards[35..]));
        // Any legal exercise gains 0.35.
        assert!(first < 0.42 && last > first + 0.05, "{credit:?}, memory {memory}: {first:.3} -> {last:.3}");
    }
}

#[test]
fn a_pass_in_parts_takes_every_session_once_and_is_the_same_again() {
    let whole = weights(&train(&grpo(64, 2), 0, 1, 2).0);
    let parts = SessionTrainer { minibatches: 4, iterations: 2, ..grpo(64, 2) };
    let (one, two) = (train(&parts, 0, 1, 2).0, train(&parts, 0, 2, 2).0);
    assert_eq!(weights(&one), weights(&two));
    assert_ne!(weights(&one), whole);
}

#[test]
fn a_critic_learns_what_sessions_bring_and_leaves_the_tutor_itself_alone() {
    let (device, starts) = (device().autodiff(), reviews(0, 8));
    let fixed = item_tutor(Critic::None, &device);
    for critic in [Critic::Separate, Critic::Shared] {
        let mut policy = item_tutor(critic, &device);
        assert!(policy.num_params() > fixed.num_params());
        let trainer = SessionTrainer {
            credit: Credit::Critic(CriticCredit { value_clip: 10.0, ..CriticCredit::default() }),
            play: how(4, 40),
            ..grpo(64, 60)
        };
        let mut optimizer = trainer.optimizer.init();
        let workers = Workers::new(2).unwrap();
        // The same learners with the same luck: a critic can learn what they bring.
        let mut step = |policy: &mut Tutor, step| {
            trainer.step(policy, &mut optimizer, &starts, &Streams::new(4), step, &workers).unwrap()
        };
        let first = step(&mut policy, 0);
        let last = (1..60).map(|at| step(&mut policy, at)).last().unwrap();
        let (before, after) = (first.explained_variance.unwrap(), last.explained_variance.unwrap());
        assert!(after > 0.5 && after > before, "{critic:?}: {before:.2} -> {after:.2}");
        assert!(last.value_loss.unwrap() < 0.2 * first.value_loss.unwrap());
    }
    // Without a critic PPO has nothing to go by.
    let trainer =
        SessionTrainer { credit: Credit::Critic(CriticCredit::default()), play: how(4, 40), ..grpo(64, 2) };
    let mut optimizer = trainer.optimizer.init();
    let mut policy = item_tutor(Critic::None, &device);
    let error = trainer
        .step(&mut policy, &mut optimizer, &starts, &Streams::new(4), 0, &Workers::new(1).unwrap())
        .unwrap_err();
    assert!(error.to_string().contains("critic"), "{error}");
}

#[test]
fn impossible_settings_are_refused() {
    let refused = |change: fn(&mut SessionTrainer)| {
        let mut wrong = grpo(64, 10);
        change(&mut wrong);
        wrong.validate().unwrap_err().to_string()
    };
    grpo(64, 10).validate().unwrap();
    assert!(refused(|g| g.play.group_size = 1).contains("group_size"));
    assert!(refused(|g| g.play.max_steps = 0).contains("max_steps"));
    assert!(refused(|g| g.play.temperature = 0.5).contains("temperature"));
    assert!(refused(|g| g.iterations = 0).contains("iterations"));
    assert!(refused(|g| g.micro_batch_size = 0).contains("micro_batch_size"));
    assert!(refused(|g| g.schedule.peak = 2.0).contains("learning_rate"));
    assert!(refused(|g| g.objective.kl = Some(KlPenalty::default())).contains("objective.kl"));
}

#[test]
fn a_broken_step_leaves_policy_and_optimizer_alone() {
    let device = device().autodiff();
    let mut policy = tutor(4, 2, 3, &device);
    let grpo = SessionTrainer { play: how(4, 200), ..grpo(64, 10) };
    let mut optimizer = grpo.optimizer.init();
    let before = weights(&policy);
    // The walk gets tired after 99 steps.
    let error = grpo
        .step(&mut policy, &mut optimizer, &[walk(5000)], &Streams::new(1), 0, &Workers::new(1).unwrap())
        .unwrap_err();
    assert!(error.to_string().contains("tired"), "{error}");
    assert_eq!(weights(&policy), before);
    assert_eq!(policy.device(), device);
}
