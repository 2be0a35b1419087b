//! Folders of the tiny checkpoints that were spoilt: the error names the file, and the tensor or the key in it. And input that a
//! good model can't take.

mod support;
#[path = "support/weights.rs"]
mod weights;

use grpo_lm::{ChatConfig, Error, LanguageModel, Message, SharedPrompts};
use grpo_rollout::{Sampler, Sampling, Streams};
use serde_json::{Value, json};
use std::path::Path;
use support::{change, checkpoint, copy, device, ids, says};
use weights::{Stored, Weights};

const INDEX: &str = "model.safetensors.index.json";
const SHARD: &str = "model-00002-of-00003.safetensors";
/// A tensor of that shard.
const TENSOR: &str = "model.layers.0.mlp.down_proj.weight";

fn load(folder: &Path) -> Result<LanguageModel, Error> {
    LanguageModel::load(folder, &device())
}

/// A copy of the checkpoint after `spoil` is refused with all of these words.
fn refused(name: &str, spoil: impl FnOnce(&Path), words: &[&str]) -> Error {
    let folder = copy(name);
    load(folder.path()).unwrap();
    spoil(folder.path());
    let error = load(folder.path()).err().unwrap_or_else(|| panic!("{words:?}: it was taken"));
    // The folder itself, not only the name of a file.
    says(&error, &[&folder.path().display().to_string()]);
    says(&error, words);
    error
}

/// Changes a safetensors file.
fn rewrite(folder: &Path, file: &str, change: impl FnOnce(&mut Weights)) {
    let path = folder.join(file);
    let mut weights = Weights::read(&path);
    change(&mut weights);
    weights.write(&path);
}

#[test]
fn wrong_shards_are_named() {
    let error =
        refused("llama-sharded", |f| std::fs::remove_file(f.join(SHARD)).unwrap(), &["can't read", SHARD]);
    assert!(matches!(error, Error::Io { .. }), "{error:?}");

    let lacking = |f: &Path| rewrite(f, SHARD, |w| drop(w.tensors.remove(w.position(TENSOR))));
    refused("llama-sharded", lacking, &[SHARD, TENSOR, "missing", INDEX]);

    let extra = |f: &Path| {
        let stored = Stored { dtype: "F32".into(), shape: vec![2], bytes: vec![0; 8] };
        rewrite(f, SHARD, |w| w.tensors.push(("model.layers.7.stray.weight".into(), stored)));
    };
    refused("llama-sharded", extra, &[SHARD, "model.layers.7.stray.weight", "no place"]);

    let shape = |f: &Path| {
        rewrite(f, SHARD, |w| {
            let at = w.position(TENSOR);
            // As many numbers, in another arrangement.
            w.tensors[at].1.shape.reverse();
        });
    };
    refused("llama-sharded", shape, &[SHARD, TENSOR, "[40, 32]", "[32, 40]"]);

    let whole = |f: &Path| {
        rewrite(f, SHARD, |w| {
            let at = w.position(TENSOR);
            let tensor = &mut w.tensors[at].1;
            tensor.dtype = "I8".into();
            tensor.bytes.truncate(tensor.bytes.len() / 4);
        });
    };
    refused("llama-sharded", whole, &[SHARD, TENSOR, "I8", "BF16"]);

    let cut = |f: &Path| {
        let bytes = std::fs::read(f.join(SHARD)).unwrap();
        std::fs::write(f.join(SHARD), &bytes[..bytes.len() - 1]).unwrap();
    };
    refused("llama-sharded", cut, &[SHARD, "cut off"]);
}

#[test]
fn a_wrong_index_is_named() {
    let unlisted =
        |f: &Path| change(f, INDEX, |i| drop(i["weight_map"].as_object_mut().unwrap().remove(TENSOR)));
    // What a shard holds is there, whether the index says so or not.
    let folder = copy("llama-sharded");
    unlisted(folder.path());
    load(folder.path()).unwrap();

    let moved =
        |f: &Path| change(f, INDEX, |i| i["weight_map"][TENSOR] = json!("model-00001-of-00003.safetensors"));
    refused("llama-sharded", moved, &["model-00001-of-00003.safetensors", TENSOR, "missing"]);
    let invented = |f: &Path| change(f, INDEX, |i| i["weight_map"]["model.layers.9.x.weight"] = json!(SHARD));
    refused("llama-sharded", invented, &[SHARD, "model.layers.9.x.weight", "missing"]);
    let elsewhere = |f: &Path| change(f, INDEX, |i| i["weight_map"][TENSOR] = json!("../other.safetensors"));
    refused("llama-sharded", elsewhere, &[INDEX, TENSOR, "../other.safetensors"]);
    let number = |f: &Path| change(f, INDEX, |i| i["weight_map"][TENSOR] = json!(2));
    refused("llama-sharded", number, &[INDEX, TENSOR]);
    let nothing = |f: &Path| change(f, INDEX, |i| *i = json!({ "metadata": {} }));
    refused("llama-sharded", nothing, &[INDEX, "weight_map"]);
    let garbage = |f: &Path| std::fs::write(f.join(INDEX), "{").unwrap();
    refused("llama-sharded", garbage, &[INDEX]);

    // Without an index there is no saying what is missing but the single file.
    refused(
        "llama-sharded",
        |f| std::fs::remove_file(f.join(INDEX)).unwrap(),
        &["can't read", "model.safetensors"],
    );
}

#[test]
fn one_file_is_as_strict_as_shards() {
    let file = "model.safetensors";
    let whole = |f: &Path| {
        rewrite(f, file, |w| {
            let at = w.position("model.norm.weight");
            let tensor = &mut w.tensors[at].1;
            tensor.dtype = "I8".into();
            tensor.bytes.truncate(tensor.bytes.len() / 4);
        });
    };
    refused("llama", whole, &[file, "model.norm.weight", "I8", "BF16"]);
    // What another family has is no part of this one.
    let bias = |f: &Path| {
        let stored = Stored { dtype: "F32".into(), shape: vec![32], bytes: vec![0; 4 * 32] };
        rewrite(f, file, |w| w.tensors.push(("model.layers.0.self_attn.q_proj.bias".into(), stored)));
    };
    refused("llama", bias, &[file, "model.layers.0.self_attn.q_proj.bias", "no place"]);
    for (name, tensor) in [
        ("qwen2", "model.layers.1.self_attn.k_proj.bias"),
        ("qwen3", "model.layers.0.self_attn.q_norm.weight"),
        ("gemma3", "model.layers.2.post_feedforward_layernorm.weight"),
    ] {
        let lacking = |f: &Path| rewrite(f, file, |w| drop(w.tensors.remove(w.position(tensor))));
        refused(name, lacking, &[file, tensor, "missing"]);
    }
    // An untied head must be there; a tied one that is there twice is no mistake.
    let headless = |f: &Path| rewrite(f, file, |w| drop(w.tensors.remove(w.position("lm_head.weight"))));
    refused("llama", headless, &[file, "lm_head.weight", "missing"]);
}

#[test]
fn a_configuration_that_contradicts_the_weights_or_itself_is_named() {
    let config = |name: &str, key: &str, value: Value, words: &[&str]| {
        refused(name, |f| change(f, "config.json", |c| c[key] = value), words)
    };
    // The weights are another model's.
    config(
        "llama",
        "intermediate_size",
        json!(48),
        &["model.safetensors", "mlp.gate_proj.weight", "40", "48"],
    );
    config("llama", "num_hidden_layers", json!(3), &["model.safetensors", "model.layers.2.", "missing"]);
    config("llama", "num_hidden_layers", json!(1), &["model.safetensors", "model.layers.1.", "no place"]);
    config("qwen2", "tie_word_embeddings", json!(false), &["model.safetensors", "lm_head.weight", "missing"]);
    config("gemma3", "architectures", json!(["Qwen3ForCausalLM"]), &["use_sliding_window", "false"]);
    config(
        "qwen3",
        "architectures",
        json!(["LlamaForCausalLM"]),
        &["model.safetensors", "_norm.weight", "no place"],
    );
    config(
        "llama",
        "architectures",
        json!(["Qwen2ForCausalLM"]),
        &["model.safetensors", "q_proj.bias", "missing"],
    );
}

#[test]
fn what_is_not_known_is_refused_with_what_is() {
    let config = |name: &str, key: &str, value: Value, words: &[&str]| {
        let error = refused(name, |f| change(f, "config.json", |c| c[key] = value), words);
        says(&error, &["config.json", key]);
    };
    let known = ["LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", "Gemma3ForCausalLM"];
    config(
        "llama",
        "architectures",
        json!(["MambaForCausalLM"]),
        &[&["MambaForCausalLM"][..], &known].concat(),
    );
    let kinds = ["full_attention", "sliding_attention"];
    config("gemma3", "layer_types", json!(["full_attention"]), &["a list of 1", "3 layers"]);
    let four = json!(["full_attention", "full_attention", "full_attention", "full_attention"]);
    config("gemma3", "layer_types", four, &["a list of 4", "3 layers"]);
    let slides = json!(["full_attention", "sliding_attention"]);
    refused(
        "llama",
        |f| change(f, "config.json", |c| c["layer_types"] = slides),
        &["config.json", "layer_types", "Gemma"],
    );
    let odd = json!(["full_attention", "chunked_attention", "full_attention"]);
    config("gemma3", "layer_types", odd, &[&["chunked_attention"][..], &kinds].concat());
    config("gemma3", "sliding_window", json!(null), &["missing", "at least 1"]);
    config("gemma3", "sliding_window", json!(0), &["at least 1"]);
    config("gemma3", "hidden_activation", json!("gelu_new"), &["gelu_new", "gelu_pytorch_tanh"]);
    config("gemma3", "query_pre_attn_scalar", json!(0), &["positive"]);
    config("gemma3", "attn_logit_softcapping", json!(50.0), &["null"]);
    config("gemma3", "use_bidirectional_attention", json!(true), &["causal"]);
    config("qwen2", "mlp_bias", json!(true), &["Llama"]);
    // Qwen's window is off until it is switched on.
    let folder = copy("qwen2");
    change(folder.path(), "config.json", |c| c["sliding_window"] = json!(0));
    load(folder.path()).unwrap();
    let on = |f: &Path| {
        change(f, "config.json", |c| {
            c["use_sliding_window"] = json!(true);
            c["layer_types"] = json!(["sliding_attention", "full_attention"]);
            c["sliding_window"] = json!(null);
        });
    };
    refused("qwen2", on, &["config.json", "sliding_window", "missing"]);
}

#[test]
fn tokens_and_lengths_that_do_not_fit_name_the_prompt() {
    for name in ["llama", "gemma3"] {
        let model = load(&checkpoint(name)).unwrap();
        let none: [&[u32]; 0] = [];
        let compute = |prompts: &[Vec<u32>]| {
            let batch = SharedPrompts::new(prompts, &none).unwrap();
            model.decoder().prompt_logits(&batch).map(|_| ()).unwrap_err()
        };
        let (good, vocab, context) = (ids(1, 4), 96, 256);
        says(&compute(&[good.clone(), vec![5, vocab]]), &["prompt 1", "96", "95"]);
        says(&compute(&[good.clone(), good.clone(), vec![7; context + 1]]), &["prompt 2", "257", "256"]);
        let sampling = Sampling { max_new_tokens: 7, ..Sampling::default() };
        let sample = |prompts: &[Vec<u32>]| {
            model.sample(prompts, 2, &sampling, &Streams::new(0), 0).map(|_| ()).unwrap_err()
        };
        says(&sample(&[good.clone(), vec![5, u32::MAX]]), &["prompt 1", &u32::MAX.to_string(), "95"]);
        says(&sample(&[good.clone(), vec![7; 250]]), &["prompt 1", "250", "7", "256"]);
        // As many as there is room for.
        model.sample(&[vec![7; 249]], 2, &sampling, &Streams::new(0), 0).unwrap();
    }
}

#[test]
fn a_chat_template_that_cannot_be_used_says_where_it_is() {
    let model = |spoil: &dyn Fn(&Path)| {
        let folder = copy("llama");
        spoil(folder.path());
        load(folder.path()).unwrap().with_chat(&ChatConfig::default())
    };
    says(&model(&|_| ()).unwrap_err(), &["chat", "chat_template.jinja", "tokenizer_config.json"]);

    let jinja =
        |text: &'static str| move |f: &Path| std::fs::write(f.join("chat_template.jinja"), text).unwrap();
    let in_config = |text: &'static str| {
        move |f: &Path| change(f, "tokenizer_config.json", |c| c["chat_template"] = json!(text))
    };
    let syntax = "{% for m in messages %}\n{{ m.content }\n{% endfor %}";
    says(&model(&jinja(syntax)).unwrap_err(), &["chat_template.jinja", "line 2"]);
    says(&model(&in_config(syntax)).unwrap_err(), &["tokenizer_config.json", "line 2"]);
    let number = |f: &Path| change(f, "tokenizer_config.json", |c| c["chat_template"] = json!(7));
    says(&model(&number).unwrap_err(), &["chat_template"]);

    // A template may refuse a conversation, which shows only then.
    let picky = "{% if messages[0].role == 'system' %}\n{{ raise_exception('no system message, please') }}\n\
                 {% endif %}{% for m in messages %}{{ m.content }} {% endfor %}";
    for spoil in [&jinja(picky) as &dyn Fn(&Path), &in_config(picky)] {
        let model = model(spoil).unwrap();
        assert!(model.has_chat());
        assert_eq!(model.encode_prompt("t5 t6").unwrap(), [5, 6]);
        let conversation = [Message::system("t7"), Message::user("t5")];
        let error = model.encode_chat(&conversation).unwrap_err();
        assert!(matches!(error, Error::Chat(_)), "{error:?}");
        says(&error, &["chat_template", "no system message, please"]);
        let config = ChatConfig { system: Some("t7".into()), ..ChatConfig::default() };
        says(
            &model.with_chat(&config).unwrap().encode_prompt("t5").unwrap_err(),
            &["no system message, please"],
        );
    }
    // A conversation that becomes no text at all.
    let error = model(&jinja("{# nothing #}")).unwrap().encode_prompt("t5").unwrap_err();
    says(&error, &["no tokens"]);
}
