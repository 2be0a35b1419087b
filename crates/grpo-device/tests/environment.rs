//! The environment variables, each case in a process of its own: a test may not change its environment.

use std::process::{Command, Output};

use grpo_device::{DeviceName, all_from_env, check_burn_default, from_env, name_of};

/// Set in the child processes only.
const CHILD: &str = "GRPO_DEVICE_TEST_CHILD";

/// Runs this file's test `name` again with one variable set, and gives back what it wrote.
fn child(name: &str, variable: &str, value: &str) -> String {
    let Output { stdout, stderr, .. } = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads", "1"])
        .env_remove("GRPO_DEVICE")
        .env_remove("BURN_DEVICE")
        .env(CHILD, "1")
        .env(variable, value)
        .output()
        .unwrap();
    String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr)
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

#[test]
fn one_device_comes_from_the_variable() {
    if is_child() {
        match from_env() {
            Ok(device) => println!("opened {:?}", name_of(&device)),
            Err(error) => println!("failed: {error}"),
        }
        return;
    }
    let answer = |value| child("one_device_comes_from_the_variable", "GRPO_DEVICE", value);
    if cfg!(feature = "flex") {
        assert!(answer("").contains("opened Some(Flex)"));
        assert!(answer("flex").contains("opened Some(Flex)"));
    }
    if cfg!(feature = "ndarray") {
        assert!(answer("ndarray").contains("opened Some(NdArray)"));
    }
    let refused = answer("gpu");
    assert!(
        refused.contains("failed: in the environment variable GRPO_DEVICE: unknown device `gpu`"),
        "{refused}"
    );
    assert!(!refused.contains("panicked"), "{refused}");
}

#[test]
fn several_devices_come_from_a_list() {
    if is_child() {
        match all_from_env() {
            Ok(devices) => {
                let names: Vec<DeviceName> = devices.iter().map(|(name, _)| *name).collect();
                println!("opened {names:?}");
                assert!(devices.iter().all(|(name, device)| name_of(device) == Some(*name)));
            }
            Err(error) => println!("failed: {error}"),
        }
        return;
    }
    let answer = |value| child("several_devices_come_from_a_list", "GRPO_DEVICE", value);
    if cfg!(all(feature = "flex", feature = "ndarray")) {
        assert!(answer("flex, ndarray").contains("opened [Flex, NdArray]"));
        assert!(answer("").contains("opened [Flex]"));
        assert!(answer("flex,").contains("failed: in the environment variable GRPO_DEVICE"));
    }
}

#[test]
fn a_broken_default_of_burn_is_found_without_a_panic() {
    if is_child() {
        match from_env().and_then(|device| check_burn_default(&device)) {
            Ok(()) => println!("fine"),
            Err(error) => println!("failed: {error}"),
        }
        return;
    }
    let answer = |value| child("a_broken_default_of_burn_is_found_without_a_panic", "BURN_DEVICE", value);
    if cfg!(feature = "flex") {
        assert!(answer("flex").contains("fine"));
        let broken = answer("abacus");
        assert!(broken.contains("Unknown BURN_DEVICE override"), "{broken}");
        assert!(broken.contains("BURN_DEVICE=flex"), "{broken}");
        assert!(!broken.contains("panicked"), "{broken}");
    }
}
