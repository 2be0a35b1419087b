//! One forward pass that computes a prompt once for all completions that share it says what separate sequences say,
//! and so does its gradient, however the batch is padded, ordered or split.

mod support;

use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};
use grpo_lm::{LanguageModel, SharedPrompts};
use grpo_rollout::{Episode, Error, Experience, FinishReason, Group, Policy};
use support::{
    CONTEXT, FORMS, Gradients, actions, assert_same, floats, gradients, ids, log_probs, model, sum, weighted,
    weights,
};

const ROWS: usize = 3;

/// Three prompts of different lengths with three completions each, of different lengths too (one has a single token).
fn batch() -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    let prompts = [5, 1, 8].iter().enumerate().map(|(i, &len)| ids(3 * i as u32, len)).collect();
    let lengths = [4, 1, 6, 2, 7, 3, 5, 5, 2];
    let completions = lengths.iter().enumerate().map(|(i, &len)| ids(5 + 2 * i as u32, len)).collect();
    (prompts, completions)
}

/// Log-probabilities of a completion from the plain causal pass over prompt and completion as one sequence.
fn plain(model: &LanguageModel, prompt: &[u32], completion: &[u32]) -> Tensor<1> {
    let none: [&[u32]; 0] = [];
    let sequence = SharedPrompts::new(&[[prompt, completion].concat()], &none).unwrap();
    let logits = model.decoder().prompt_logits(&sequence).unwrap();
    let n = completion.len();
    let targets: Vec<i32> = completion.iter().map(|&id| id as i32).collect();
    let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, [n, 1]), &logits.device());
    log_softmax(logits.narrow(0, prompt.len() - 1, n), 1).gather(1, targets).squeeze_dim(1)
}

#[test]
fn log_probabilities_are_those_of_separate_sequences() {
    for form in FORMS {
        let model = model(form);
        let (prompts, completions) = batch();
        let shared = log_probs(&model, &prompts, &completions);
        let mut spread = 0.0f32;
        for (row, completion) in completions.iter().enumerate() {
            let separate = floats(plain(&model.frozen(), &prompts[row / ROWS], completion));
            assert_near(&shared[row], &separate, &format!("{form:?}, row {row}"));
            spread = shared[row].iter().fold(spread, |m, x| m.max((x - shared[0][0]).abs()));
        }
        assert!(spread > 0.05, "the model says the same about everything: nothing was tested");
    }
}

#[test]
fn the_gradient_is_the_sum_of_separate_sequences_and_reaches_every_parameter() {
    for form in FORMS {
        let model = model(form);
        let (prompts, completions) = batch();
        let weights = weights(&completions);
        let shared = gradients(&model, &weighted(&model, &prompts, &completions, &weights));
        let separate =
            sum(completions.iter().zip(&weights).enumerate().map(|(row, (completion, weights))| {
                let log_probs = plain(&model, &prompts[row / ROWS], completion);
                let weights = Tensor::<1>::from_floats(weights.as_slice(), &log_probs.device());
                gradients(&model, &(log_probs * weights).sum())
            }));
        assert_same(&shared, &separate, &format!("{form:?}"));
        for (name, gradient) in &shared {
            let largest = gradient.iter().flatten().fold(0.0f32, |m, x| m.max(x.abs()));
            assert!(largest > 1e-4, "{form:?}: {name} receives no gradient worth the name ({largest})");
        }
        // Per layer four projections, three matrices and two norms; embeddings, the last norm, the head if it is its own.
        let (_, _, tied) = form;
        assert_eq!(shared.len(), 2 * 9 + 2 + usize::from(!tied));
    }
}

#[test]
fn further_padding_changes_nothing() {
    let model = model(FORMS[0]);
    let (mut prompts, mut completions) = batch();
    let mut weights = weights(&completions);
    let before = log_probs(&model, &prompts, &completions);
    let gradient = gradients(&model, &weighted(&model, &prompts, &completions, &weights));

    // A longer prompt with longer completions pads all others; its own tokens weigh nothing.
    prompts.push(ids(9, 12));
    for row in 0..ROWS {
        completions.push(ids(row as u32, 15));
        weights.push(vec![0.0; 15]);
    }
    let after = log_probs(&model, &prompts, &completions);
    for (row, want) in before.iter().enumerate() {
        assert_near(&after[row], want, &format!("row {row}"));
    }
    let padded = gradients(&model, &weighted(&model, &prompts, &completions, &weights));
    assert_same(&padded, &gradient, "padded");
}

#[test]
fn the_order_of_the_prompts_changes_nothing() {
    let model = model(FORMS[0]);
    let (prompts, completions) = batch();
    let weights = weights(&completions);
    let before = log_probs(&model, &prompts, &completions);
    let gradient = gradients(&model, &weighted(&model, &prompts, &completions, &weights));

    let order = [2, 0, 1];
    let rows: Vec<usize> = order.iter().flat_map(|g| ROWS * g..ROWS * (g + 1)).collect();
    let prompts: Vec<_> = order.iter().map(|&g| prompts[g].clone()).collect();
    let completions: Vec<_> = rows.iter().map(|&r| completions[r].clone()).collect();
    let weights: Vec<_> = rows.iter().map(|&r| weights[r].clone()).collect();
    let after = log_probs(&model, &prompts, &completions);
    for (at, &row) in rows.iter().enumerate() {
        assert_near(&after[at], &before[row], &format!("row {row}"));
    }
    let permuted = gradients(&model, &weighted(&model, &prompts, &completions, &weights));
    assert_same(&permuted, &gradient, "permuted");
}

#[test]
fn micro_batches_add_up_to_the_whole() {
    let model = model(FORMS[0]);
    let (prompts, completions) = batch();
    let weights = weights(&completions);
    let before = log_probs(&model, &prompts, &completions);
    let gradient = gradients(&model, &weighted(&model, &prompts, &completions, &weights));
    let experience = experience(&completions);
    for size in [1, 2, 3, 4, 6] {
        let parts = experience.micro_batches(size);
        assert!(parts.len() > 1);
        let parts: Vec<Gradients> = parts
            .into_iter()
            .map(|part| {
                let (prompts, rows) = (&prompts[part.groups], part.rows);
                let completions = &completions[rows.clone()];
                for (own, want) in log_probs(&model, prompts, completions).iter().zip(&before[rows.clone()]) {
                    assert_near(own, want, &format!("micro-batches of {size}"));
                }
                gradients(&model, &weighted(&model, prompts, completions, &weights[rows]))
            })
            .collect();
        assert_same(&sum(parts), &gradient, &format!("micro-batches of {size}"));
    }
}

/// Groups that hold the completions, for their micro-batches.
fn experience(completions: &[Vec<u32>]) -> Experience {
    let episode = |completion: &Vec<u32>| Episode {
        actions: completion.clone(),
        log_probs: vec![0.0; completion.len()],
        entropies: vec![0.0; completion.len()],
        supports: vec![],
        finish: FinishReason::Truncated,
    };
    let groups = completions.chunks(ROWS).enumerate();
    let groups = groups.map(|(prompt, c)| Group { prompt, episodes: c.iter().map(episode).collect() });
    Experience::new(groups.collect(), vec![0.0; completions.len()]).unwrap()
}

#[test]
fn what_fits_the_context_is_computed_whatever_its_neighbours_are_padded_to() {
    let model = model(FORMS[0]);
    // Each sequence fits, but the longest prompt with the longest completion would not.
    let (prompts, completions) = (vec![ids(0, CONTEXT - 4), ids(1, 2)], vec![ids(2, 4), ids(3, CONTEXT - 2)]);
    let shared = log_probs(&model, &prompts, &completions);
    for row in 0..2 {
        let separate = floats(plain(&model.frozen(), &prompts[row], &completions[row]));
        assert_near(&shared[row], &separate, &format!("row {row}"));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let model = model(FORMS[0]);
    let device = model.decoder().device();
    let evaluate = |prompts: &[Vec<u32>], completions: &[Vec<u32>]| {
        let states = SharedPrompts::new(prompts, completions).unwrap();
        model.evaluate(&states, actions(completions, &device)).map(|_| ()).unwrap_err()
    };
    // A completion's last token is predicted but not fed: this is one position too many.
    let (long, two) = (ids(0, CONTEXT - 3), ids(1, 2));
    let error = evaluate(&[two.clone(), long.clone()], &[two.clone(), ids(2, 5)]);
    let Error::Context { prompt, tokens, new, context } = error else { panic!("{error}") };
    assert_eq!((prompt, tokens, new, context), (1, CONTEXT - 3, 5, CONTEXT));
    assert!(error.to_string().contains("exceeds the context of 32"), "{error}");

    let last = model.config().vocab_size as u32 - 1;
    let beyond = last + 3;
    let places = [
        (vec![two.clone(), vec![2, beyond]], vec![two.clone(), two.clone()]),
        (vec![two.clone(), two.clone()], vec![two.clone(), vec![beyond, 2]]),
        (vec![two.clone(), two.clone()], vec![two.clone(), vec![2, beyond]]),
    ];
    for (prompts, completions) in places {
        match evaluate(&prompts, &completions) {
            Error::Token { prompt: 1, id, last: l } if id == beyond && l == last => {}
            other => panic!("{other} ({prompts:?}, {completions:?})"),
        }
    }

    let states = SharedPrompts::new(std::slice::from_ref(&two), &[two.clone(), two.clone()]).unwrap();
    let error = model.log_prob(&states, actions(&[two], &device)).unwrap_err();
    assert!(matches!(error, Error::Count { got: 2, want: 4, .. }), "{error}");
}

fn assert_near(got: &[f32], want: &[f32], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (step, (a, b)) in got.iter().zip(want).enumerate() {
        assert!((a - b).abs() <= 1e-5, "{what}, step {step}: {a}, but {b} expected");
    }
}
