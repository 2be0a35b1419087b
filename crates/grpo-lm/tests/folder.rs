//! The model folder: what is written is what Hugging Face's Llama has, reading it back gives the same model, and a folder
//! that is wrong says which file and what in it.

mod support;
#[path = "support/weights.rs"]
mod weights;

use grpo_lm::{DecoderConfig, Error, LanguageModel, SharedPrompts, Tokenizer};
use grpo_rollout::{Sampler, Sampling, Streams};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use support::{FORMS, device, floats, ids, model};
use tempfile::TempDir;
use weights::{Stored, Weights};

/// A folder with the model in it.
fn saved(model: &LanguageModel) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    model.save(folder.path()).unwrap();
    folder
}

fn load(folder: &Path) -> Result<LanguageModel, Error> {
    LanguageModel::load(folder, &device())
}

fn logits(model: &LanguageModel, prompt: &[u32]) -> Vec<f32> {
    let none: [&[u32]; 0] = [];
    let batch = SharedPrompts::new(&[prompt], &none).unwrap();
    floats(model.decoder().prompt_logits(&batch).unwrap())
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn what_was_saved_is_loaded_exactly() {
    for form in FORMS {
        let model = model(form).frozen();
        let folder = saved(&model);
        let loaded = load(folder.path()).unwrap();
        assert_eq!(logits(&loaded, &ids(3, 9)), logits(&model, &ids(3, 9)), "{form:?}");
        assert_eq!(loaded.config(), model.config());
        assert_eq!(loaded.parameters(), model.config().parameters().unwrap());
        assert_eq!(loaded.tokenizer().stop_tokens(), model.tokenizer().stop_tokens());
        let sampling = Sampling { max_new_tokens: 16, ..Sampling::default() };
        let draw =
            |model: &LanguageModel| model.sample(&[ids(1, 4)], 4, &sampling, &Streams::new(1), 0).unwrap();
        assert_eq!(draw(&loaded), draw(&model));

        // Saving once more gives the same files.
        let again = saved(&loaded);
        for file in ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"] {
            assert_eq!(json(&folder.path().join(file)), json(&again.path().join(file)), "{file}");
        }
        let weights = |folder: &TempDir| Weights::read(&folder.path().join("model.safetensors"));
        assert_eq!(weights(&folder), weights(&again));
    }
}

#[test]
fn weights_have_the_names_and_shapes_of_hugging_face() {
    for form in FORMS {
        let (heads, kv_heads, tied) = form;
        let model = model(form);
        let (vocab, hidden, inner, width) = (model.tokenizer().len(), 32, 48, 32 / heads);
        let mut wanted = BTreeMap::from([
            ("model.embed_tokens.weight".to_string(), vec![vocab, hidden]),
            ("model.norm.weight".to_string(), vec![hidden]),
        ]);
        for layer in 0..2 {
            let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
            wanted.extend([
                (name("self_attn.q_proj"), vec![heads * width, hidden]),
                (name("self_attn.k_proj"), vec![kv_heads * width, hidden]),
                (name("self_attn.v_proj"), vec![kv_heads * width, hidden]),
                (name("self_attn.o_proj"), vec![hidden, heads * width]),
                (name("mlp.gate_proj"), vec![inner, hidden]),
                (name("mlp.up_proj"), vec![inner, hidden]),
                (name("mlp.down_proj"), vec![hidden, inner]),
                (name("input_layernorm"), vec![hidden]),
                (name("post_attention_layernorm"), vec![hidden]),
            ]);
        }
        if !tied {
            wanted.insert("lm_head.weight".into(), vec![vocab, hidden]);
        }
        let folder = saved(&model);
        let weights = Weights::read(&folder.path().join("model.safetensors"));
        let got: BTreeMap<_, _> = weights.tensors.iter().map(|(n, t)| (n.clone(), t.shape.clone())).collect();
        assert_eq!(got, wanted, "{form:?}");
        assert!(weights.tensors.iter().all(|(_, t)| t.dtype == "F32"));
        // transformers refuses a file that doesn't say where it comes from.
        assert_eq!(weights.metadata["format"], "pt");
        let ones = &weights.tensors[weights.position("model.norm.weight")].1;
        assert_eq!(ones.floats(), vec![1.0; hidden]);
    }
}

#[test]
fn the_configuration_has_the_keys_of_hugging_face() {
    let model = model(FORMS[0]);
    let folder = saved(&model);
    let config = json(&folder.path().join("config.json"));
    for (key, value) in [
        ("architectures", json!(["LlamaForCausalLM"])),
        ("model_type", json!("llama")),
        ("vocab_size", json!(model.tokenizer().len())),
        ("hidden_size", json!(32)),
        ("intermediate_size", json!(48)),
        ("num_hidden_layers", json!(2)),
        ("num_attention_heads", json!(4)),
        ("num_key_value_heads", json!(2)),
        ("max_position_embeddings", json!(support::CONTEXT)),
        ("rms_norm_eps", json!(1e-6)),
        ("rope_theta", json!(10000.0)),
        ("tie_word_embeddings", json!(false)),
        ("attention_bias", json!(false)),
        ("mlp_bias", json!(false)),
        ("hidden_act", json!("silu")),
        ("dtype", json!("float32")),
    ] {
        assert_eq!(config[key], value, "{key}");
    }
    let generation = json(&folder.path().join("generation_config.json"));
    assert_eq!(generation["eos_token_id"], json!(model.tokenizer().stop_tokens()));
    assert_eq!(json(&folder.path().join("tokenizer_config.json"))["eos_token"], "<eos>");
}

#[test]
fn the_tokenizer_survives() {
    let tokenizer = support::tokenizer();
    let folder = saved(&model(FORMS[0]));
    let loaded = Tokenizer::load(folder.path(), &DecoderConfig::load(folder.path()).unwrap()).unwrap();
    assert_eq!(loaded.len(), tokenizer.len());
    for text in ["a b c", "t , s ?", "a 12 b 7", "nothing known", "a  b\n c", "a#### 4"] {
        let ids = loaded.encode_prompt(text).unwrap();
        assert_eq!(ids, tokenizer.encode_prompt(text).unwrap(), "{text:?}");
        assert_eq!(loaded.encode(text).unwrap(), tokenizer.encode(text).unwrap(), "{text:?}");
        assert_eq!(loaded.decode(&ids).unwrap(), tokenizer.decode(&ids).unwrap(), "{text:?}");
    }
    let ids = loaded.encode("a b t").unwrap();
    assert_eq!(loaded.decode(&[&ids[..], loaded.stop_tokens()].concat()).unwrap(), "a b t");
}

#[test]
fn bfloat16_is_loaded_as_f32_and_saved_as_what_it_is() {
    let model = model(FORMS[0]);
    let folder = saved(&model);
    let path = folder.path().join("model.safetensors");
    let mut weights = Weights::read(&path);
    // The upper half of a float is the bfloat16 below it; the same number as f32 has zeros in the lower half.
    let mut cut = weights.clone();
    for ((_, bf16), (_, f32)) in weights.tensors.iter_mut().zip(&mut cut.tensors) {
        bf16.dtype = "BF16".into();
        bf16.bytes = bf16.bytes.chunks_exact(4).flat_map(|b| [b[2], b[3]]).collect();
        f32.bytes = f32.bytes.chunks_exact(4).flat_map(|b| [0, 0, b[2], b[3]]).collect();
    }
    cut.write(&path);
    let want = logits(&load(folder.path()).unwrap(), &ids(1, 7));
    weights.write(&path);
    change(folder.path(), "config.json", |c| c["dtype"] = json!("bfloat16"));
    let loaded = load(folder.path()).unwrap();
    assert_eq!(logits(&loaded, &ids(1, 7)), want);

    let again = saved(&loaded);
    let stored = Weights::read(&again.path().join("model.safetensors"));
    assert!(stored.tensors.iter().all(|(_, t)| t.dtype == "F32"));
    assert_eq!(json(&again.path().join("config.json"))["dtype"], "float32");
}

#[test]
fn both_places_of_the_rotary_base_are_read() {
    let folder = saved(&model(FORMS[0]));
    change(folder.path(), "config.json", |c| c["rope_theta"] = json!(500.0));
    let old = load(folder.path()).unwrap();
    change(folder.path(), "config.json", |c| {
        c.as_object_mut().unwrap().remove("rope_theta");
        c["rope_parameters"] = json!({ "rope_theta": 500.0, "rope_type": "default" });
    });
    let new = load(folder.path()).unwrap();
    assert_eq!(logits(&old, &ids(1, 9)), logits(&new, &ids(1, 9)));
    assert_ne!(logits(&old, &ids(1, 9)), logits(&model(FORMS[0]).frozen(), &ids(1, 9)));
}

#[test]
fn wrong_weights_name_the_file_and_the_tensor() {
    let folder = saved(&model((4, 2, true)));
    let path = folder.path().join("model.safetensors");
    let good = Weights::read(&path);
    let refused = |change: &dyn Fn(&mut Weights)| {
        let mut weights = good.clone();
        change(&mut weights);
        weights.write(&path);
        let error = load(folder.path()).unwrap_err();
        assert!(matches!(error, Error::Weights { .. }), "{error:?}");
        says(&error, &[&path.display().to_string()]);
        error
    };
    let (key, norm) = ("model.layers.1.self_attn.k_proj.weight", "model.layers.0.input_layernorm.weight");
    for name in [key, norm, "model.embed_tokens.weight"] {
        let error = refused(&|w| {
            w.tensors.remove(w.position(name));
        });
        says(&error, &[name, "missing"]);
    }
    let error = refused(&|w| {
        let at = w.position(key);
        let tensor = &mut w.tensors[at].1;
        assert_eq!(tensor.shape, [16, 32]);
        tensor.shape[0] = 8;
        tensor.bytes.truncate(8 * 32 * 4);
    });
    says(&error, &["layers.1.self_attn.k_proj", "8", "16"]);
    let extra = Stored { dtype: "F32".into(), shape: vec![2], bytes: vec![0; 8] };
    let error = refused(&|w| w.tensors.push(("model.layers.2.mlp.up_proj.weight".into(), extra.clone())));
    says(&error, &["layers.2.mlp.up_proj", "no place"]);
    refused(&|w| {
        let at = w.position(key);
        w.tensors[at].1.dtype = "F99".into();
    });

    // A second copy of a tied head and buffers of old transformers are no mistake.
    let mut weights = good.clone();
    let head = weights.tensors[weights.position("model.embed_tokens.weight")].1.clone();
    weights.tensors.push(("lm_head.weight".into(), head));
    weights.tensors.push(("model.layers.0.self_attn.rotary_emb.inv_freq".into(), extra));
    weights.write(&path);
    load(folder.path()).unwrap();
}

#[test]
fn damaged_weights_name_the_file() {
    let folder = saved(&model(FORMS[0]));
    let path = folder.path().join("model.safetensors");
    let good = std::fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    for length in [0, 4, 8, header / 2, header, header + 100, good.len() - 1] {
        std::fs::write(&path, &good[..length]).unwrap();
        let error = load(folder.path()).unwrap_err();
        says(&error, &[&path.display().to_string()]);
    }
    let mut garbage = good.clone();
    garbage[8..header].fill(b'?');
    std::fs::write(&path, garbage).unwrap();
    says(&load(folder.path()).unwrap_err(), &[&path.display().to_string()]);
    std::fs::write(&path, vec![0xff; 100]).unwrap();
    says(&load(folder.path()).unwrap_err(), &[&path.display().to_string()]);
}

#[test]
fn missing_files_are_named() {
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let folder = saved(&model(FORMS[0]));
        let path = folder.path().join(file);
        std::fs::remove_file(&path).unwrap();
        let error = load(folder.path()).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error:?}");
        says(&error, &["can't read", &path.display().to_string()]);
    }
    // These two are there for comfort.
    let folder = saved(&model(FORMS[0]));
    for file in ["tokenizer_config.json", "generation_config.json"] {
        std::fs::remove_file(folder.path().join(file)).unwrap();
    }
    load(folder.path()).unwrap();
}

#[test]
fn malformed_files_are_named() {
    for file in ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"] {
        for text in ["", "{", "[1, 2]", "{\"vocab_size\": \"many\"}"] {
            let folder = saved(&model(FORMS[0]));
            let path = folder.path().join(file);
            std::fs::write(&path, text).unwrap();
            match (load(folder.path()), file, text) {
                (Err(error), ..) => says(&error, &[&path.display().to_string()]),
                // JSON that says nothing about stop tokens or names is odd, but no mistake.
                (
                    Ok(_),
                    "tokenizer_config.json" | "generation_config.json",
                    "[1, 2]" | "{\"vocab_size\": \"many\"}",
                ) => {}
                (Ok(_), ..) => panic!("{file} with {text:?} was taken"),
            }
        }
    }
}

#[test]
fn a_configuration_that_cannot_be_computed_names_the_file_and_the_key() {
    for (key, value, wanted) in [
        ("architectures", json!(["GPT2LMHeadModel"]), "LlamaForCausalLM"),
        ("architectures", json!([]), "LlamaForCausalLM"),
        ("num_key_value_heads", json!(3), "num_attention_heads"),
        ("num_key_value_heads", json!(0), "at least 1"),
        ("num_attention_heads", json!(6), "hidden_size"),
        ("vocab_size", json!(0), "at least 1"),
        ("vocab_size", json!(5), "tokenizer"),
        ("head_dim", json!(7), "even"),
        ("rms_norm_eps", json!(0.0), "positive"),
        ("rope_theta", json!(-1.0), "positive"),
        ("rope_scaling", json!({ "type": "dynamic", "factor": 2.0 }), "linear"),
        ("final_logit_softcapping", json!(30.0), "null"),
        ("hidden_act", json!("gelu"), "silu"),
        ("hidden_size", json!(-3), "invalid value"),
        ("hidden_size", Value::Null, "invalid type"),
    ] {
        let folder = saved(&model(FORMS[0]));
        change(folder.path(), "config.json", |c| c[key] = value.clone());
        let error = load(folder.path()).err().unwrap_or_else(|| panic!("{key} = {value} was taken"));
        let path = folder.path().join("config.json");
        says(&error, &[&path.display().to_string(), wanted]);
        if key != "hidden_size" {
            says(&error, &[key]);
        }
    }
    let folder = saved(&model(FORMS[0]));
    change(folder.path(), "config.json", |c| {
        c["rope_parameters"] = json!({ "rope_theta": 10000.0, "rope_type": "llama3", "factor": 8.0 });
    });
    says(&load(folder.path()).unwrap_err(), &["rope_scaling", "llama3"]);
    change(folder.path(), "config.json", |c| {
        c.as_object_mut().unwrap().remove("rope_parameters");
        c.as_object_mut().unwrap().remove("hidden_size");
    });
    says(&load(folder.path()).unwrap_err(), &["config.json", "hidden_size"]);
}

#[test]
fn stop_tokens_that_are_no_ids_are_refused() {
    for value in [json!("<eos>"), json!(-1), json!([1, "x"]), json!(1.5)] {
        let folder = saved(&model(FORMS[0]));
        change(folder.path(), "generation_config.json", |g| g["eos_token_id"] = value.clone());
        says(&load(folder.path()).unwrap_err(), &["generation_config.json", "eos_token_id"]);
    }
    let folder = saved(&model(FORMS[0]));
    change(folder.path(), "generation_config.json", |g| g["eos_token_id"] = json!([1, 5]));
    assert_eq!(load(folder.path()).unwrap().tokenizer().stop_tokens(), [1, 5]);
    std::fs::remove_file(folder.path().join("generation_config.json")).unwrap();
    change(folder.path(), "config.json", |c| c["eos_token_id"] = json!(7));
    assert_eq!(load(folder.path()).unwrap().tokenizer().stop_tokens(), [7]);
}

#[test]
fn what_belongs_to_a_loaded_tokenizer_is_saved_as_it_was() {
    let folder = saved(&model(FORMS[0]));
    let chat = "{% for m in messages %}{{ m.content }}{% endfor %}\n";
    std::fs::write(folder.path().join("chat_template.jinja"), chat).unwrap();
    change(folder.path(), "tokenizer_config.json", |t| t["chat_template"] = json!(chat));
    change(folder.path(), "generation_config.json", |g| *g = json!({ "eos_token_id": 1, "top_p": 0.9 }));
    let again = saved(&load(folder.path()).unwrap());
    for file in ["tokenizer.json", "tokenizer_config.json", "generation_config.json", "chat_template.jinja"] {
        let bytes = |folder: &TempDir| std::fs::read(folder.path().join(file)).unwrap();
        assert_eq!(bytes(&folder), bytes(&again), "{file}");
    }
    // What the folder didn't have isn't made up.
    std::fs::remove_file(folder.path().join("generation_config.json")).unwrap();
    let again = saved(&load(folder.path()).unwrap());
    assert!(!again.path().join("generation_config.json").exists());
}

#[test]
fn a_loaded_configuration_is_saved_as_it_was() {
    // Down to the kind of a number: transformers refuses some that are written 10.0 instead of 10.
    for entry in std::fs::read_dir(support::checkpoint("")).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.join("config.json").is_file() {
            continue;
        }
        let before = json(&folder.join("config.json"));
        let again = saved(&load(&folder).unwrap());
        let after = json(&again.path().join("config.json"));
        for (key, value) in before.as_object().unwrap() {
            match key.as_str() {
                // Weights are written as `f32`, and the key has a new name.
                "dtype" | "torch_dtype" => assert_eq!(after["dtype"], "float32"),
                // What is null may be left out.
                _ => assert_eq!(&after[key], value, "{key} of {}", folder.display()),
            }
        }
        assert_eq!(
            logits(&load(again.path()).unwrap(), &ids(1, 9)),
            logits(&load(&folder).unwrap(), &ids(1, 9))
        );
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = model(FORMS[0]).save(&file).unwrap_err();
    says(&error, &["can't write", &file.display().to_string()]);
}

/// Not a test: writes what `oracle/transformers_parity.py` compares, into the folder named by `GRPO_ORACLE`.
#[test]
#[ignore = "writes models and logits for oracle/transformers_parity.py"]
fn write_for_transformers() {
    let out = std::env::var_os("GRPO_ORACLE").expect("GRPO_ORACLE names the folder to write to");
    let out = Path::new(&out);
    let mut models: Vec<(String, LanguageModel)> =
        FORMS.iter().enumerate().map(|(i, &form)| (format!("random-{i}"), model(form).frozen())).collect();
    // Any further model folder is loaded and saved again by us.
    if let Some(folder) = std::env::var_os("GRPO_ORACLE_MODEL") {
        models.push(("loaded".into(), load(Path::new(&folder)).unwrap()));
    }
    for (name, model) in models {
        let folder = out.join(&name);
        model.save(&folder).unwrap();
        let texts = ["a b c t s", "a , b ? c 12 a 7", "Once upon a time, there was a dog."];
        let cases: Vec<Value> = texts
            .iter()
            .map(|text| {
                let ids = model.tokenizer().encode_prompt(text).unwrap();
                let logits = logits(&model, &ids);
                let rows: Vec<&[f32]> = logits.chunks(model.config().vocab_size).collect();
                json!({ "text": text, "ids": ids, "decoded": model.tokenizer().decode(&ids).unwrap(), "logits": rows })
            })
            .collect();
        let cases = json!({ "stop_tokens": model.tokenizer().stop_tokens(), "cases": cases });
        std::fs::write(out.join(format!("{name}.json")), cases.to_string()).unwrap();
    }
}

fn change(folder: &Path, file: &str, change: impl FnOnce(&mut Value)) {
    let path = folder.join(file);
    let mut value = json(&path);
    change(&mut value);
    std::fs::write(&path, value.to_string()).unwrap();
}

fn says(error: &Error, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in: {text}");
    }
}

#[test]
fn a_tokenizer_file_does_not_cut_or_pad_prompts() {
    let folder = saved(&model(FORMS[0]));
    change(folder.path(), "tokenizer.json", |t| {
        t["truncation"] =
            json!({ "direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0 });
        t["padding"] = json!({ "strategy": { "Fixed": 12 }, "direction": "Right", "pad_to_multiple_of": null,
                               "pad_id": 0, "pad_type_id": 0, "pad_token": "<unk>" });
    });
    let model = load(folder.path()).unwrap();
    assert_eq!(model.tokenizer().encode("a b c d e f").unwrap().len(), 6);
}
