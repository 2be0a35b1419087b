//! Golden cases: reading them, and reporting which fail.

use std::path::PathBuf;

use serde_json::Value;

use super::Matrix;

/// One case of a golden file; see `tests/golden/README.md` for the schema.
pub struct Case {
    pub name: String,
    value: Value,
}

/// The cases of a file, from the folder `GRPO_GOLDEN` or from `tests/golden`.
pub fn cases(file: &str) -> Vec<Case> {
    let folder = std::env::var_os("GRPO_GOLDEN")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden")), PathBuf::from);
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases = file["cases"].as_array().unwrap_or_else(|| panic!("{}: no `cases`", path.display()));
    let name = |case: &Value| case["name"].as_str().expect("a case has a name").to_owned();
    cases.iter().map(|case| Case { name: name(case), value: case.clone() }).collect()
}

/// Runs `check` on every case, prints one line per failing case, and fails the test if there is one.
pub fn run(file: &str, check: impl Fn(&Case) -> Result<(), String>) {
    let cases = cases(file);
    let mut failed = 0;
    for case in &cases {
        if let Err(reason) = check(case) {
            failed += 1;
            println!("FAIL {file} {}: {reason}", case.name);
        }
    }
    println!("{file}: {} of {} cases pass", cases.len() - failed, cases.len());
    assert_eq!(failed, 0, "{failed} of {} cases of {file} fail (listed above)", cases.len());
    assert!(!cases.is_empty(), "{file}: nothing was tested");
}

impl Case {
    fn get(&self, part: &str, key: &str) -> &Value {
        &self.value[part][key]
    }

    /// A number of the configuration; panics with the case's name when it is absent.
    pub fn number(&self, key: &str) -> f64 {
        self.maybe(key).unwrap_or_else(|| panic!("{}: config.{key} is not a number", self.name))
    }

    pub fn maybe(&self, key: &str) -> Option<f64> {
        self.get("config", key).as_f64()
    }

    pub fn flag(&self, key: &str) -> bool {
        self.get("config", key).as_bool().unwrap_or(false)
    }

    pub fn text(&self, key: &str) -> &str {
        self.get("config", key).as_str().unwrap_or("")
    }

    pub fn config_numbers(&self, key: &str) -> Option<Vec<f64>> {
        numbers(self.get("config", key))
    }

    pub fn input(&self, key: &str) -> Option<Matrix> {
        matrix(self.get("inputs", key))
    }

    pub fn input_or_null(&self, key: &str) -> Option<Vec<Vec<Option<f64>>>> {
        let rows = self.get("inputs", key).as_array()?;
        Some(
            rows.iter()
                .map(|row| row.as_array().expect("a row").iter().map(Value::as_f64).collect())
                .collect(),
        )
    }

    pub fn input_numbers(&self, key: &str) -> Option<Vec<f64>> {
        numbers(self.get("inputs", key))
    }

    pub fn input_value(&self, key: &str) -> &Value {
        self.get("inputs", key)
    }

    pub fn need(&self, key: &str) -> Matrix {
        self.input(key).unwrap_or_else(|| panic!("{}: inputs.{key} is not a matrix", self.name))
    }

    pub fn mask(&self) -> Vec<Vec<bool>> {
        self.need("mask").iter().map(|row| row.iter().map(|&x| x != 0.0).collect()).collect()
    }

    pub fn expected(&self, key: &str) -> Option<Matrix> {
        matrix(self.get("expected", key))
    }

    pub fn expected_number(&self, key: &str) -> Option<f64> {
        self.get("expected", key).as_f64()
    }

    pub fn expected_numbers(&self, key: &str) -> Option<Vec<f64>> {
        numbers(self.get("expected", key))
    }

    pub fn expected_value(&self, key: &str) -> &Value {
        self.get("expected", key)
    }

    pub fn metric(&self, key: &str) -> Option<f64> {
        self.get("expected", "metrics")[key].as_f64()
    }
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

fn matrix(value: &Value) -> Option<Matrix> {
    value.as_array()?.iter().map(numbers).collect()
}
