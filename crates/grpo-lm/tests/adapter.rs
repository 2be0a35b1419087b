//! Adapters: Python's `peft` and we read each other's folders and compute the same, a fresh adapter changes nothing, only the
//! adapter is trained, and a folder that asks for something else is refused by name.

mod support;
#[path = "support/weights.rs"]
mod weights;

use grpo_lm::{Error, LanguageModel, LoraConfig};
use grpo_rollout::{Sampler, Sampling, Streams};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;
use support::{
    FORMS, apart, change, changed, checkpoint, copy, gradients, ids, load, log_probs, logits, model, says,
    weighted, with_nonzero_b,
};
use weights::{Stored, Weights};

const TOLERANCE: f32 = 1e-4;
const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";

/// The adapters that `oracle/peft_oracle.py` made, with their bases.
const OF_PEFT: [(&str, &str); 2] = [("llama-lora", "llama"), ("qwen2-rslora", "qwen2")];

#[derive(Deserialize)]
struct Expected {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    ids: Vec<u32>,
    logits: Vec<Vec<f32>>,
    merged_logits: Vec<Vec<f32>>,
}

fn cases(adapter: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(checkpoint(adapter).join("expected.json")).unwrap();
    serde_json::from_str::<Expected>(&text).unwrap().cases
}

fn lora(rank: usize, targets: &[&str]) -> LoraConfig {
    LoraConfig {
        rank,
        alpha: 5.0,
        target_modules: targets.iter().map(ToString::to_string).collect(),
        ..LoraConfig::default()
    }
}

#[test]
fn adapters_of_peft_give_the_logits_of_peft() {
    for (adapter, base) in OF_PEFT {
        let plain = load(base);
        let adapted = load(base).load_adapter(&checkpoint(adapter)).unwrap();
        assert!(adapted.adapter().is_some() && adapted.decoder().has_adapter());
        for case in cases(adapter) {
            let found = logits(&adapted, &case.ids);
            let difference = apart(&found, &case.logits.concat());
            assert!(difference < TOLERANCE, "{adapter}, {} tokens: {difference:e}", case.ids.len());
            // Canary: an adapter that was left out would show.
            let without = logits(&adapted.without_adapter(), &case.ids);
            assert!(apart(&found, &without) > 0.1, "{adapter} does nothing");
            assert_eq!(without, logits(&plain, &case.ids), "{adapter} without the adapter");
        }
        assert!(
            adapted.without_adapter().adapter().is_none()
                && !adapted.without_adapter().decoder().has_adapter()
        );
    }
}

#[test]
fn saving_a_model_merges_its_adapter() {
    for (adapter, base) in OF_PEFT {
        let adapted = load(base).load_adapter(&checkpoint(adapter)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        adapted.save(folder.path()).unwrap();
        let merged = LanguageModel::load(folder.path(), &support::device()).unwrap();
        assert!(merged.adapter().is_none() && !merged.decoder().has_adapter());
        assert_eq!(merged.parameters(), load(base).parameters());
        for case in cases(adapter) {
            let difference = apart(&logits(&merged, &case.ids), &case.merged_logits.concat());
            assert!(difference < TOLERANCE, "{adapter}: {difference:e}");
        }
        // Merging is for the folder: the model goes on with its adapter.
        assert!(adapted.decoder().has_adapter());
    }
}

#[test]
fn a_fresh_adapter_changes_nothing_at_first() {
    let prompt = ids(1, 9);
    for form in FORMS {
        let plain = model(form);
        for config in
            [lora(4, &["all-linear"]), LoraConfig { rslora: true, ..lora(3, &["q_proj", "mlp.up_proj"]) }]
        {
            let adapted = plain.clone().with_adapter(&config, 3).unwrap();
            assert_eq!(logits(&adapted, &prompt), logits(&plain, &prompt), "{form:?}");
            assert_eq!(adapted.adapter(), Some(&config));
        }
    }
}

#[test]
fn the_cache_decodes_with_the_adapter() {
    let adapted = load("llama").load_adapter(&checkpoint("llama-lora")).unwrap();
    let prompts = [ids(1, 6), ids(4, 3)];
    let sampling = Sampling { max_new_tokens: 12, ..Sampling::default() };
    let groups = adapted.sample(&prompts, 3, &sampling, &Streams::new(2), 0).unwrap();
    let completions: Vec<Vec<u32>> =
        groups.iter().flat_map(|g| &g.episodes).map(|e| e.actions.clone()).collect();
    let found = log_probs(&adapted, &prompts, &completions);
    let recorded = groups.iter().flat_map(|g| &g.episodes).map(|e| &e.log_probs);
    for (found, recorded) in found.iter().zip(recorded) {
        assert!(apart(found, recorded) < TOLERANCE, "{found:?}, but {recorded:?} was recorded");
    }
}

#[test]
fn what_was_saved_is_loaded_exactly() {
    let prompt = ids(3, 9);
    for config in [
        lora(4, &["all-linear"]),
        LoraConfig { dropout: 0.25, ..lora(2, &["q_proj", "down_proj"]) },
        LoraConfig { rslora: true, ..lora(3, &["model.layers.1.mlp.gate_proj", "self_attn.o_proj"]) },
    ] {
        let base = model(FORMS[0]);
        let adapted = with_nonzero_b(&base.clone().with_adapter(&config, 3).unwrap());
        let folder = tempfile::tempdir().unwrap();
        adapted.save_adapter("somebody/base", folder.path()).unwrap();
        let loaded = base.clone().load_adapter(folder.path()).unwrap();
        assert_eq!(logits(&loaded, &prompt), logits(&adapted, &prompt), "{config:?}");
        assert!(apart(&logits(&loaded, &prompt), &logits(&base, &prompt)) > 0.01, "{config:?} does nothing");
        assert_eq!(loaded.trained_parameters(), adapted.trained_parameters());
        let read = loaded.adapter().unwrap();
        assert_eq!(
            (read.rank, read.alpha, read.rslora, read.dropout),
            (config.rank, config.alpha, config.rslora, config.dropout)
        );
        let text = std::fs::read_to_string(folder.path().join(CONFIG)).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["base_model_name_or_path"], "somebody/base");
        // `all-linear` is written out: for `peft` it would be another choice in another model.
        let targets = value["target_modules"].as_array().unwrap();
        assert!(targets.iter().all(|t| *t != "all-linear"), "{targets:?}");

        // Saving once more gives the same files.
        let again = tempfile::tempdir().unwrap();
        loaded.save_adapter("somebody/base", again.path()).unwrap();
        let weights = |folder: &Path| Weights::read(&folder.join(WEIGHTS));
        assert_eq!(weights(folder.path()), weights(again.path()));
    }
    // Without an adapter there is nothing to write.
    let parent = tempfile::tempdir().unwrap();
    model(FORMS[0]).save_adapter("base", &parent.path().join("none")).unwrap();
    assert!(!parent.path().join("none").exists());
}

#[test]
fn an_adapter_takes_the_place_of_the_one_before() {
    // Otherwise the first would go on beside the second, and the folder would hold both under the second's name.
    let base = model(FORMS[0]);
    let first = with_nonzero_b(&base.clone().with_adapter(&lora(2, &["q_proj"]), 1).unwrap());
    let second = first.clone().with_adapter(&lora(3, &["v_proj"]), 1).unwrap();
    assert_eq!(logits(&second, &ids(1, 9)), logits(&base, &ids(1, 9)));
    let folder = tempfile::tempdir().unwrap();
    with_nonzero_b(&second).save_adapter("base", folder.path()).unwrap();
    let weights = Weights::read(&folder.path().join(WEIGHTS));
    assert!(weights.tensors.iter().all(|(name, _)| name.contains(".v_proj.")));
    let loaded = first.load_adapter(folder.path()).unwrap();
    assert_eq!(loaded.trained_parameters(), second.trained_parameters());
}

#[test]
fn only_the_adapter_is_counted_as_trained() {
    // Hidden 32, inner 48; four query heads and two key-value heads of width 8; two layers.
    let base = model(FORMS[0]);
    let all = base.parameters();
    assert_eq!(base.trained_parameters(), all);
    for (targets, inputs_and_outputs) in [
        (vec!["q_proj"], 32 + 32),
        (vec!["k_proj", "v_proj"], 2 * (32 + 16)),
        (vec!["mlp.down_proj"], 48 + 32),
        (vec!["all-linear"], 2 * (32 + 32) + 2 * (32 + 16) + 3 * (32 + 48)),
    ] {
        let adapted = base.clone().with_adapter(&lora(3, &targets), 1).unwrap();
        assert_eq!(adapted.trained_parameters(), 2 * 3 * inputs_and_outputs, "{targets:?}");
        assert_eq!(adapted.parameters(), all + adapted.trained_parameters());
        assert_eq!(adapted.without_adapter().parameters(), all);
    }
    let one = base.with_adapter(&lora(3, &["model.layers.1.self_attn.q_proj"]), 1).unwrap();
    assert_eq!(one.trained_parameters(), 3 * (32 + 32));
}

type Tokens = Vec<Vec<u32>>;

/// Two prompts of different lengths with two completions each, and their weights.
fn batch() -> (Tokens, Tokens, Vec<Vec<f32>>) {
    let prompts = vec![ids(0, 5), ids(3, 2)];
    let completions = [4, 6, 1, 7].iter().enumerate().map(|(i, &n)| ids(5 + i as u32, n)).collect::<Vec<_>>();
    let weights = support::weights(&completions);
    (prompts, completions, weights)
}

#[test]
fn gradients_reach_every_factor_and_nothing_else() {
    let (prompts, completions, weights) = batch();
    for base in [model(FORMS[0]), model(FORMS[1]), load("qwen2"), load("qwen3"), load("gemma3")] {
        let layers = base.config().num_hidden_layers;
        let adapted = with_nonzero_b(&base.with_adapter(&lora(3, &["all-linear"]), 5).unwrap());
        let all = gradients(&adapted, &weighted(&adapted, &prompts, &completions, &weights));
        let mut factors = 0;
        for (name, gradient) in &all {
            if name.contains(".lora.") {
                let largest = gradient.as_ref().unwrap_or_else(|| panic!("{name} has no gradient"));
                let largest = largest.iter().fold(0.0f32, |m, x| m.max(x.abs()));
                assert!(largest > 1e-4, "{name} receives no gradient worth the name ({largest})");
                factors += 1;
            } else {
                assert!(gradient.is_none(), "{name} is frozen, but has a gradient");
            }
        }
        assert_eq!(factors, 2 * 7 * layers);
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    // Larger, and third derivatives show; smaller, and rounding does.
    const STEP: f32 = 3e-3;
    let (prompts, completions, weights) = batch();
    let configs = [lora(3, &["all-linear"]), LoraConfig { rslora: true, ..lora(3, &["all-linear"]) }];
    for (form, config) in FORMS.into_iter().zip(configs) {
        let adapted = with_nonzero_b(&model(form).with_adapter(&config, 5).unwrap());
        // Added up in double precision: the difference of two sums is small.
        let loss = |model: &LanguageModel| -> f64 {
            let found = log_probs(model, &prompts, &completions);
            let pairs = found.iter().flatten().zip(weights.iter().flatten());
            pairs.map(|(x, w)| f64::from(*x) * f64::from(*w)).sum()
        };
        let (mut checked, mut largest) = (0, 0.0f64);
        for (name, gradient) in gradients(&adapted, &weighted(&adapted, &prompts, &completions, &weights)) {
            let Some(gradient) = gradient.filter(|_| name.contains(".lora.")) else { continue };
            for at in [checked % gradient.len(), gradient.len() / 2] {
                let moved = |by: f32| {
                    loss(&changed(&adapted, |path, values| {
                        if path == name {
                            values[at] += by;
                        }
                    }))
                };
                let difference = (moved(STEP) - moved(-STEP)) / (2.0 * f64::from(STEP));
                let found = f64::from(gradient[at]);
                let tolerance = 2e-3 + 0.02 * difference.abs();
                assert!(
                    (found - difference).abs() < tolerance,
                    "{form:?}, {name}[{at}]: {found}, not {difference}"
                );
                largest = largest.max(difference.abs());
                checked += 1;
            }
        }
        assert_eq!(checked, 2 * 2 * 7 * 2);
        assert!(largest > 0.1, "no gradient is worth the name: {largest}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused_by_name() {
    for (config, words) in [
        (lora(0, &["q_proj"]), vec!["lora.rank", "at least 1"]),
        (LoraConfig { alpha: 0.0, ..lora(2, &["q_proj"]) }, vec!["lora.alpha", "positive"]),
        (LoraConfig { alpha: f64::NAN, ..lora(2, &["q_proj"]) }, vec!["lora.alpha", "positive"]),
        (LoraConfig { dropout: 1.0, ..lora(2, &["q_proj"]) }, vec!["lora.dropout", "[0, 1)"]),
        (LoraConfig { dropout: -0.1, ..lora(2, &["q_proj"]) }, vec!["lora.dropout", "[0, 1)"]),
        (lora(2, &[]), vec!["lora.target_modules", "all-linear"]),
        (
            lora(2, &["q_proj", "w_proj"]),
            vec!["lora.target_modules", "w_proj", "self_attn.q_proj", "mlp.down_proj"],
        ),
        // Part of a name is no name, and the head isn't a projection of a layer.
        (lora(2, &["proj"]), vec!["lora.target_modules", "\"proj\""]),
        (lora(2, &["lm_head"]), vec!["lora.target_modules", "lm_head"]),
        (lora(2, &["model.layers.2.mlp.up_proj"]), vec!["lora.target_modules", "layers.2"]),
    ] {
        let error = model(FORMS[0]).with_adapter(&config, 1).unwrap_err();
        assert!(matches!(error, Error::Config { .. }), "{error:?}");
        says(&error, &words);
    }
}

#[test]
fn a_folder_that_asks_for_what_is_not_computed_names_the_file_and_the_key() {
    for (key, value, words) in [
        ("use_dora", json!(true), vec!["not computed"]),
        ("bias", json!("all"), vec!["not computed"]),
        ("bias", json!("lora_only"), vec!["not computed"]),
        ("lora_bias", json!(true), vec!["not computed"]),
        ("modules_to_save", json!(["lm_head"]), vec!["lm_head", "not computed"]),
        ("rank_pattern", json!({ "q_proj": 8 }), vec!["not computed"]),
        ("alpha_pattern", json!({ "q_proj": 8 }), vec!["not computed"]),
        ("layers_to_transform", json!([0]), vec!["not computed"]),
        ("fan_in_fan_out", json!(true), vec!["not computed"]),
        ("use_qalora", json!(true), vec!["not computed"]),
        ("use_bdlora", json!({ "nblocks": 2 }), vec!["not computed"]),
        ("arrow_config", json!({ "top_k": 2 }), vec!["not computed"]),
        ("kasa_config", json!({ "beta": 1e-4 }), vec!["not computed"]),
        ("peft_type", json!("IA3"), vec!["LORA"]),
        ("peft_type", Value::Null, vec!["LORA"]),
        ("r", json!(0), vec!["rank", "at least 1"]),
        ("r", json!(2.5), vec!["whole number"]),
        ("r", json!("four"), vec!["whole number"]),
        ("r", Value::Null, vec!["missing"]),
        ("lora_alpha", json!(-1), vec!["lora.alpha", "positive"]),
        ("lora_alpha", Value::Null, vec!["lora_alpha", "missing"]),
        ("lora_dropout", json!(1.0), vec!["lora.dropout", "[0, 1)"]),
        ("target_modules", json!([]), vec!["at least one"]),
        ("target_modules", json!("q_proj|v_proj"), vec!["all-linear"]),
        ("target_modules", json!(["q_proj", 3]), vec!["all-linear"]),
        ("target_modules", json!(["q_proj", "c_attn"]), vec!["c_attn", "self_attn.q_proj", "mlp.down_proj"]),
        ("target_modules", Value::Null, vec!["all-linear"]),
    ] {
        let folder = copy("llama-lora");
        change(folder.path(), CONFIG, |c| c[key] = value.clone());
        let error =
            load("llama").load_adapter(folder.path()).err().unwrap_or_else(|| panic!("{key} = {value}"));
        says(&error, &[&folder.path().join(CONFIG).display().to_string()]);
        says(&error, &words);
        // The same by the name that it has in a recipe.
        if !["r", "lora_alpha", "lora_dropout"].contains(&key) {
            says(&error, &[key]);
        }
    }
    // What says that it is off is off.
    let folder = copy("llama-lora");
    change(folder.path(), CONFIG, |c| {
        for key in ["modules_to_save", "rank_pattern", "use_dora", "layers_to_transform"] {
            c.as_object_mut().unwrap().remove(key);
        }
        c["bias"] = json!("none");
        c["use_qalora"] = json!(false);
        c["exclude_modules"] = json!([]);
    });
    load("llama").load_adapter(folder.path()).unwrap();
}

#[test]
fn factors_that_do_not_fit_name_the_file_and_the_tensor() {
    let a = "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight";
    let b = "base_model.model.model.layers.0.mlp.down_proj.lora_B.weight";
    let refused = |change: &dyn Fn(&mut Weights), words: &[&str]| {
        let folder = copy("llama-lora");
        let path = folder.path().join(WEIGHTS);
        let mut weights = Weights::read(&path);
        change(&mut weights);
        weights.write(&path);
        let error = load("llama").load_adapter(folder.path()).unwrap_err();
        assert!(matches!(error, Error::Weights { .. }), "{error:?}");
        says(&error, &[&path.display().to_string()]);
        says(&error, words);
    };
    for name in [a, b] {
        let remove = |w: &mut Weights| drop(w.tensors.remove(w.position(name)));
        refused(&remove, &[name, "missing"]);
        let narrow = |w: &mut Weights| {
            let at = w.position(name);
            let tensor = &mut w.tensors[at].1;
            // One less than the rank, wherever the rank stands.
            let which = usize::from(tensor.shape[0] != 4);
            let bytes = tensor.bytes.len() / 4 * 3;
            assert_eq!(tensor.shape[which], 4);
            tensor.shape[which] = 3;
            tensor.bytes.truncate(bytes);
        };
        refused(&narrow, &[name, "shape", "3", "4"]);
        let whole = |w: &mut Weights| {
            let at = w.position(name);
            let tensor = &mut w.tensors[at].1;
            tensor.dtype = "I32".into();
        };
        refused(&whole, &[name, "I32", "BF16"]);
    }
    let extra = |w: &mut Weights| {
        let more = Stored { dtype: "F32".into(), shape: vec![4, 32], bytes: vec![0; 4 * 4 * 32] };
        w.tensors.push(("base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight".into(), more));
    };
    refused(&extra, &["layers.0.self_attn.k_proj.lora_A", "no place"]);

    for file in [CONFIG, WEIGHTS] {
        let folder = copy("llama-lora");
        let path = folder.path().join(file);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        says(&load("llama").load_adapter(folder.path()).unwrap_err(), &[&path.display().to_string()]);
        std::fs::remove_file(&path).unwrap();
        let error = load("llama").load_adapter(folder.path()).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error:?}");
        says(&error, &["can't read", &path.display().to_string()]);
    }

    // An adapter of a model with fewer layers.
    let error = load("gemma3").load_adapter(&checkpoint("llama-lora")).unwrap_err();
    says(&error, &[WEIGHTS, "layers.2", "missing"]);
}

/// Not a test: writes adapters and merged models for `oracle/peft_oracle.py --check DIR BASE` and `--check-merged DIR`, into the
/// folder named by `GRPO_ORACLE`.
#[test]
#[ignore = "writes adapters and logits for oracle/peft_oracle.py"]
fn write_for_peft() {
    let out = std::env::var_os("GRPO_ORACLE").expect("GRPO_ORACLE names the folder to write to");
    for (base, config) in [
        ("llama", lora(4, &["q_proj", "mlp.down_proj"])),
        ("qwen2", LoraConfig { rslora: true, ..lora(3, &["all-linear"]) }),
        ("qwen3", lora(2, &["model.layers.1.self_attn.v_proj", "gate_proj"])),
        ("gemma3", lora(5, &["all-linear"])),
        // As older releases wrote config.json.
        ("llama3-hub", lora(1, &["v_proj"])),
        ("qwen2-yarn-hub", lora(2, &["k_proj"])),
        ("gemma3-hub", lora(3, &["o_proj", "mlp.up_proj"])),
    ] {
        let adapted = with_nonzero_b(&load(base).with_adapter(&config, 7).unwrap());
        let (adapter, merged) = (Path::new(&out).join(base), Path::new(&out).join(format!("{base}-merged")));
        adapted.save_adapter(base, &adapter).unwrap();
        adapted.save(&merged).unwrap();
        let vocab = adapted.config().vocab_size;
        let rows = |logits: Vec<f32>| logits.chunks(vocab).map(<[f32]>::to_vec).collect::<Vec<_>>();
        let prompts = [ids(1, 9), ids(2, 3), ids(5, 20)];
        let cases = |model: &LanguageModel| -> Value {
            let case = |prompt: &Vec<u32>| json!({ "ids": prompt, "logits": rows(logits(model, prompt)) });
            json!({ "base": base, "cases": prompts.iter().map(case).collect::<Vec<_>>() })
        };
        let loaded = LanguageModel::load(&merged, &support::device()).unwrap();
        for (folder, model) in [(&adapter, &adapted), (&merged, &loaded)] {
            std::fs::write(folder.join("expected.json"), cases(model).to_string()).unwrap();
        }
    }
}
