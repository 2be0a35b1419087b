//! The textbook's learner on policies of a few numbers.

use burn::{
    module::{Module, Param},
    tensor::{Device, Int, Tensor, TensorData, activation::log_softmax},
};
use grpo_rollout::{Evaluation, Policy, Streams, choose};
use grpo_train::{Error, GrpoLearner};
use serde::Deserialize;

fn device() -> Device {
    grpo_device::from_env().unwrap().autodiff()
}

fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec().unwrap()
}

/// One score for each state and action.
#[derive(Module, Debug)]
struct Table {
    scores: Param<Tensor<2>>,
}

impl Table {
    fn new(states: usize, actions: usize) -> Self {
        Self { scores: Param::from_tensor(Tensor::zeros([states, actions], &device())) }
    }

    fn all(&self, states: &Tensor<1, Int>) -> Tensor<2> {
        log_softmax(self.scores.val().select(0, states.clone()), 1)
    }
}

impl Policy for Table {
    type States = Tensor<1, Int>;

    fn evaluate(
        &self,
        states: &Self::States,
        actions: Tensor<2, Int>,
    ) -> Result<Evaluation, grpo_rollout::Error> {
        let all = self.all(states);
        let entropy = (all.clone() * all.clone().exp()).sum_dim(1).neg();
        Ok(Evaluation { log_probs: all.gather(1, actions), entropy })
    }
}

fn ints<const D: usize>(values: Vec<i32>, shape: [usize; D]) -> Tensor<D, Int> {
    Tensor::from_data(TensorData::new(values, shape), &device())
}

#[test]
fn it_has_the_textbooks_settings() {
    let learner = GrpoLearner::new(Table::new(1, 2));
    assert_eq!((learner.learning_rate, learner.epsilon, learner.group_size), (0.001, 0.2, 16));
}

#[test]
fn a_bandit_learns_the_right_action_of_every_state() {
    let (states, actions) = (3, 4);
    let right = |state: usize| (state + 1) % actions;
    let mut learner = GrpoLearner::new(Table::new(states, actions));
    learner.learning_rate = 0.1;
    let probability = |policy: &Table, state: usize| {
        let states = ints(vec![state as i32], [1]);
        floats(policy.all(&states).inner())[right(state)].exp()
    };
    assert!((0..states).all(|s| (probability(&learner.policy, s) - 0.25).abs() < 1e-6));
    let streams = Streams::new(7);
    for step in 0..60 {
        let rows: Vec<i32> = (0..states).flat_map(|s| vec![s as i32; learner.group_size]).collect();
        let batch = ints(rows.clone(), [rows.len()]);
        let all = floats(learner.policy.all(&batch).inner());
        let (mut chosen, mut old, mut rewards) = (Vec::new(), Vec::new(), Vec::new());
        for (row, (logits, state)) in all.chunks(actions).zip(&rows).enumerate() {
            let choice = choose(logits, 1.0, &mut streams.stream(step, row as u64, 0)).unwrap();
            // A right action pays in four of five cases, a wrong one in one of five.
            let luck =
                choose(&[0.8f32.ln(), 0.2f32.ln()], 1.0, &mut streams.stream(step, row as u64, 1)).unwrap();
            let is_right = choice.action as usize == right(*state as usize);
            rewards.push(f64::from(u8::from(is_right == (luck.action == 0))));
            chosen.push(choice.action as i32);
            old.push(choice.log_prob);
        }
        let old = Tensor::<2>::from_data(TensorData::new(old, [rows.len(), 1]), &device().without_autodiff());
        learner.update_policy(&batch, ints(chosen, [rows.len(), 1]), &rewards, old).unwrap();
    }
    for state in 0..states {
        let p = probability(&learner.policy, state);
        assert!(p > 0.9, "state {state}: {p}");
    }
}

/// The log-probabilities themselves are the parameters.
#[derive(Module, Debug)]
struct Given {
    log_probs: Param<Tensor<2>>,
}

impl Policy for Given {
    type States = ();

    fn evaluate(&self, (): &(), _: Tensor<2, Int>) -> Result<Evaluation, grpo_rollout::Error> {
        let log_probs = self.log_probs.val();
        Ok(Evaluation { entropy: log_probs.zeros_like(), log_probs })
    }
}

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    shape: [usize; 2],
    config: Config,
    inputs: Inputs,
    expected: Expected,
}

#[derive(Deserialize)]
struct Config {
    clip_eps: f64,
    std: String,
    std_eps: f64,
}

#[derive(Deserialize)]
struct Inputs {
    logp_new: Vec<Vec<f32>>,
    logp_old: Vec<Vec<f32>>,
    rewards: Vec<f64>,
}

#[derive(Deserialize)]
struct Expected {
    advantages: Vec<f64>,
    loss: f64,
    grad_logp_new: Vec<Vec<f64>>,
}

#[test]
fn advantages_loss_and_the_step_are_those_of_the_reference() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../grpo-core/tests/golden/seed.json");
    let golden: Golden = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    // The learner's deviation is the sample's, and it adds 1e-4 where the reference adds 1e-8.
    let cases: Vec<Case> =
        golden.cases.into_iter().filter(|c| c.config.std == "sample" && c.config.std_eps < 1e-3).collect();
    assert!(cases.len() > 1);
    let mut clipped = 0;
    for case in cases {
        let matrix = |rows: &[Vec<f32>], device: &Device| {
            Tensor::<2>::from_data(TensorData::new(rows.concat(), case.shape), device)
        };
        let policy = Given { log_probs: Param::from_tensor(matrix(&case.inputs.logp_new, &device())) };
        let mut learner = GrpoLearner::new(policy);
        (learner.epsilon, learner.group_size) = (case.config.clip_eps, case.shape[0]);
        let advantages = learner.compute_group_advantages(&case.inputs.rewards).unwrap();
        for (got, want) in advantages.iter().zip(&case.expected.advantages) {
            assert!((got - want).abs() <= 1e-3 * want.abs().max(0.1), "{}: {got} and {want}", case.name);
        }
        let actions = Tensor::<2, Int>::zeros(case.shape, &device());
        let old = matrix(&case.inputs.logp_old, &device().without_autodiff());
        let loss = learner.update_policy(&(), actions, &case.inputs.rewards, old).unwrap();
        let want = case.expected.loss;
        assert!(
            (loss - want).abs() <= 1e-3 * want.abs().max(0.1),
            "{}: loss {loss}, {want} expected",
            case.name
        );
        // Adam's first step goes against the gradient's sign by the learning rate; without a gradient there is no step.
        let moved = floats(learner.policy.log_probs.val().inner());
        let before = case.inputs.logp_new.concat();
        let gradients = case.expected.grad_logp_new.concat();
        for (at, gradient) in gradients.into_iter().enumerate() {
            let want = if gradient == 0.0 { 0.0 } else { -0.001 * gradient.signum() };
            clipped += usize::from(gradient == 0.0 && case.expected.advantages[at / case.shape[1]] != 0.0);
            let step = f64::from(moved[at] - before[at]);
            assert!(
                (step - want).abs() < 2e-5,
                "{}, entry {at}: a step of {step}, {want} expected",
                case.name
            );
        }
    }
    assert!(clipped > 0, "no ratio was clipped");
}

#[test]
fn a_group_without_spread_teaches_nothing() {
    let mut learner = GrpoLearner::new(Table::new(1, 2));
    learner.group_size = 4;
    assert_eq!(learner.compute_group_advantages(&[0.1; 8]).unwrap(), [0.0; 8]);
    let states = ints(vec![0; 4], [4]);
    let old = learner.policy.evaluate(&states, ints(vec![0, 1, 0, 1], [4, 1])).unwrap().log_probs.inner();
    let loss = learner.update_policy(&states, ints(vec![0, 1, 0, 1], [4, 1]), &[0.3; 4], old).unwrap();
    assert_eq!((loss, floats(learner.policy.scores.val().inner())), (0.0, vec![0.0, 0.0]));
}

#[test]
fn what_does_not_belong_together_is_refused_and_changes_nothing() {
    let mut learner = GrpoLearner::new(Table::new(1, 2));
    learner.group_size = 4;
    let states = ints(vec![0; 8], [8]);
    let actions = || ints(vec![0, 1, 0, 1, 0, 1, 1, 1], [8, 1]);
    let old = || Tensor::<2>::full([8, 1], 0.5f32.ln(), &device().without_autodiff());
    let rewards = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0];

    assert!(matches!(learner.compute_group_advantages(&rewards[..7]), Err(Error::Objective(_))));
    let error = learner.update_policy(&states, actions(), &rewards[..6], old()).unwrap_err();
    assert!(matches!(error, Error::Objective(grpo_core::Error::Length { .. })), "{error}");
    let error = learner.update_policy(&states, actions(), &rewards[..4], old()).unwrap_err();
    assert!(matches!(error, Error::Rollout(grpo_rollout::Error::Count { got: 8, want: 4, .. })), "{error}");
    let error = learner.update_policy(&states, actions(), &[f64::NAN; 8], old()).unwrap_err();
    assert!(matches!(error, Error::Objective(grpo_core::Error::Value { .. })), "{error}");
    let short = Tensor::<2>::zeros([7, 1], &device().without_autodiff());
    let error = learner.update_policy(&states, actions(), &rewards, short).unwrap_err();
    assert!(matches!(error, Error::Objective(grpo_core::Error::Shape { .. })), "{error}");
    let error = learner.update_policy(&states, actions(), &rewards, old().mul_scalar(f32::NAN)).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");
    learner.group_size = 0;
    assert!(learner.compute_group_advantages(&rewards).is_err());
    learner.group_size = 4;
    learner.epsilon = -0.1;
    assert!(learner.update_policy(&states, actions(), &rewards, old()).is_err());
    learner.epsilon = 0.2;
    learner.learning_rate = f64::NAN;
    let error = learner.update_policy(&states, actions(), &rewards, old()).unwrap_err();
    assert!(error.to_string().contains("learning_rate"), "{error}");
    learner.learning_rate = 0.001;
    assert_eq!(floats(learner.policy.scores.val().inner()), [0.0, 0.0]);

    learner.update_policy(&states, actions(), &rewards, old()).unwrap();
    let scores = floats(learner.policy.scores.val().inner());
    assert!(scores[0] > 0.0 && scores[1] < 0.0, "{scores:?}");
}
