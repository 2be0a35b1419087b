//! In a process of its own: a device's default types can be set once, before the first tensor.

#[test]
#[cfg(any(feature = "flex", feature = "ndarray", feature = "wgpu", feature = "cuda", feature = "rocm"))]
fn opening_a_device_leaves_its_default_types_to_be_set() {
    use burn::tensor::{Int, IntDType, Tensor};

    let mut device = grpo_device::from_env().unwrap();
    device.configure(IntDType::I32).unwrap();
    let tensor = Tensor::<1, Int>::zeros([2], &device);
    assert_eq!(tensor.dtype(), IntDType::I32.into());
}
