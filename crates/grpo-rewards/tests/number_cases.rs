//! What the number verifier reads and refuses, row by row.

use grpo_rewards::number::{Marker, Number, NumberError, RightNumber, find_answer};
use grpo_rewards::{RewardSpec, Sample};

const ORDER: [Marker; 3] = [Marker::Hash, Marker::Boxed, Marker::LastNumber];

/// Whether the completion is right; `None` where the reference is no number.
fn right(completion: &str, reference: &str) -> Option<bool> {
    let reward = RewardSpec::new(RightNumber::default()).build().unwrap();
    let score = reward.score(&Sample::new("", completion).with_reference(reference))?;
    Some(score.value == 1.0)
}

#[test]
fn the_same_number_in_other_clothes() {
    for (text, same) in [
        ("42", "42"),
        ("+42", "42"),
        ("042", "42"),
        ("42.", "42"),
        (".5", "1/2"),
        ("-.5", "-1/2"),
        ("1,234,567.5", "1234567.5"),
        ("1 234 567", "1234567"),
        ("1\u{202f}234", "1234"),
        ("1{,}234", "1234"),
        ("$42.50", "42.5"),
        ("-$7", "-7"),
        ("$-7", "-7"),
        ("\\$1{,}000", "1000"),
        ("€ 12", "12"),
        ("£3.50", "3.5"),
        ("12 USD", "12"),
        ("USD 12", "12"),
        ("42%", "42"),
        ("42%", "0.42"),
        ("0.42", "42%"),
        ("42\\%", "42"),
        ("42 percent", "0.42"),
        ("12.5%", "1/8"),
        ("6/8", "3/4"),
        ("-3/4", "-0.75"),
        ("1 3/4", "7/4"),
        ("-1 3/4", "-7/4"),
        ("8 367/693", "5911/693"),
        ("8 367/2", "8367/2"),
        ("1¾", "1.75"),
        ("½", "0.5"),
        ("\\frac{3}{4}", "0.75"),
        ("\\dfrac{3}{4}", "0.75"),
        ("\\frac34", "0.75"),
        ("\\frac{-3}{4}", "-0.75"),
        ("1\\frac{3}{4}", "1.75"),
        ("-1\\frac{3}{4}", "-1.75"),
        ("\\frac{\\frac{1}{2}}{2}", "0.25"),
        ("\\left(\\frac{1}{2}\\right)", "0.5"),
        ("1.5e3", "1500"),
        ("2E-3", "0.002"),
        ("1.5 \\times 10^3", "1500"),
        ("1.5 \\cdot 10^{-3}", "0.0015"),
        ("1.5 × 10^3", "1500"),
        ("1.5 x 10^3", "1500"),
        ("1.5x10^3", "1500"),
        ("2^{10}", "1024"),
        ("2**3", "8"),
        ("2^3^2", "512"),
        ("-2^2", "-4"),
        ("40 + 2", "42"),
        ("(2 + 4) * 7", "42"),
        ("84 / 2", "42"),
        ("84 \\div 2", "42"),
        ("x = 42", "42"),
        ("40 + 2 = 42", "42"),
        ("42 = x", "42"),
        ("The answer is 42", "42"),
        ("The answer is -42", "-42"),
        ("answer: 42", "42"),
        ("**42**", "42"),
        ("**Answer: 42**", "42"),
        ("`42`", "42"),
        ("42 apples", "42"),
        ("42 apples.", "42"),
        ("42km", "42"),
        ("42 km/h", "42"),
        ("42 m/s^2", "42"),
        ("42 cm^2", "42"),
        ("42 cm2", "42"),
        ("42 cm²", "42"),
        ("42 kg·m", "42"),
        ("42-inch", "42"),
        ("5 m", "5"),
        ("42\\text{ apples}", "42"),
        ("42\\,\\mathrm{m}", "42"),
        ("42 \\text{ cm}^{2}", "42"),
        ("90^\\circ", "90"),
        ("90^{\\circ}", "90"),
        ("90°", "90"),
        ("\\text{answer: } 42", "42"),
        ("\\mathbf{42}", "42"),
        ("\\boxed{42}", "42"),
        ("−7", "-7"),
        ("–7", "-7"),
        ("\u{200e}42\u{200f}", "42"),
        ("42</answer>", "42"),
        ("42<|endoftext|>", "42"),
        ("0.333333", "1/3"),
        ("3.141593", "3.1415926535"),
    ] {
        assert_eq!(right(&format!("#### {text}"), same), Some(true), "{text:?} is {same}");
        assert_eq!(right(&format!("\\boxed{{{text}}}"), same), Some(true), "{text:?} is {same}");
        assert_eq!(right(&format!("#### {same}"), text), Some(true), "{same} is {text:?}");
    }
}

#[test]
fn another_number_or_none() {
    for (text, reference) in [
        ("43", "42"),
        ("-42", "42"),
        ("42, 43", "42"),
        ("42 or 43", "42"),
        ("42 43", "42"),
        ("(42, 43)", "42"),
        ("12:30", "12"),
        ("1.2.3", "1.2"),
        ("42 hours and 30 minutes", "42"),
        ("42x", "42"),
        ("42 x", "42"),
        ("2\\pi", "2"),
        ("2π", "2"),
        ("2\\sqrt{3}", "2"),
        ("\\sqrt{4}", "4"),
        ("42 + x", "42"),
        ("x + 42", "42"),
        ("x - 42", "-42"),
        ("x-42", "-42"),
        ("total + 42", "42"),
        ("42 \\cdot x", "42"),
        ("42/x", "42"),
        ("42\\left(x+1\\right)", "42"),
        ("x \\le 42", "42"),
        ("x > 42", "42"),
        ("42 \\pm 1", "42"),
        ("42^x", "42"),
        ("\\frac{42}{x}", "42"),
        ("1/0", "0"),
        ("0^{-1}", "0"),
        ("forty-two", "42"),
        ("", "42"),
        ("x", "42"),
        ("40 + 2 = 43", "42"),
        ("(42", "42"),
        ("\\frac{42}", "42"),
        ("5 1/0", "5"),
        ("42\0", "42"),
        ("4\u{202e}2", "42"),
        ("0.33", "1/3"),
        ("333333/1000000", "1/3"),
        ("42.00001", "42"),
        ("0.0000004", "0.0000001"),
        ("4.2%", "42"),
        ("42%", "4200"),
    ] {
        assert_eq!(right(&format!("#### {text}"), reference), Some(false), "{text:?} is not {reference}");
    }
}

#[test]
fn the_marker_decides_where_to_look() {
    for (completion, marker, text) in [
        ("#### 1\n#### 42", Marker::Hash, "42"),
        ("\\boxed{7}\n#### 42", Marker::Hash, "42"),
        ("#### 42\n\nCheck: 42 - 2 = 40.", Marker::Hash, "42"),
        ("##### 42", Marker::Hash, "42"),
        ("7 * 6 = 42\n#### forty-two", Marker::Hash, "forty-two"),
        ("42\n####", Marker::Hash, ""),
        ("\\boxed{41} no, \\boxed{42}. In 3 steps.", Marker::Boxed, "42"),
        ("\\boxed{42} or \\boxed{43", Marker::Boxed, "42"),
        ("{ \\boxed {42}", Marker::Boxed, "42"),
        ("\\boxed{\\text{set } \\{42\\}}", Marker::Boxed, "\\text{set } \\{42\\}"),
        ("\\boxed{\\boxed{42}}", Marker::Boxed, "\\boxed{42}"),
        ("\\fbox{42}", Marker::Boxed, "42"),
        ("7 * 6 = 42.", Marker::LastNumber, "42"),
        ("It costs $1,234.50 in all.", Marker::LastNumber, "1,234.50"),
        ("It is -7 degrees.", Marker::LastNumber, "-7"),
        ("so 10 - 7", Marker::LastNumber, "7"),
        ("so 10-7", Marker::LastNumber, "7"),
        ("about 3/4 of it", Marker::LastNumber, "3/4"),
        ("about 1 3/4 cups", Marker::LastNumber, "1 3/4"),
        ("about $1\\frac{3}{4}$ cups", Marker::LastNumber, "1\\frac{3}{4}"),
        ("an area of 42 cm^2", Marker::LastNumber, "42"),
        ("42 cubes of H2O", Marker::LastNumber, "42"),
        ("that is 1.5 × 10^3 steps", Marker::LastNumber, "1.5 × 10^3"),
        ("that is 42%, surely", Marker::LastNumber, "42%"),
        ("1\n3/4", Marker::LastNumber, "3/4"),
        ("<think>41</think><answer>42</answer>", Marker::LastNumber, "42"),
        ("a set of $\\frac{1}{\\pi}$", Marker::LastNumber, "\\frac{1}{\\pi}"),
    ] {
        let answer =
            find_answer(completion, &ORDER).unwrap_or_else(|| panic!("nothing found in {completion:?}"));
        assert_eq!((answer.marker, answer.text), (marker, text), "{completion:?}");
    }
    for completion in ["", "I do not know.", "CO, H", "\\boxed{42", "x_1"] {
        let found = find_answer(completion, &[Marker::Hash, Marker::Boxed]);
        assert_eq!(found, None, "{completion:?}");
    }
    assert_eq!(find_answer("I do not know.", &ORDER), None);
}

#[test]
fn a_reference_that_is_no_number_is_not_applicable() {
    assert_eq!(right("#### 42", "x + 1"), None);
    assert_eq!(right("#### 42", ""), None);
    assert_eq!(right("#### 42", "41 and then one more.\n#### 42"), Some(true), "a worked reference");
    let reward = RewardSpec::new(RightNumber::default()).build().unwrap();
    assert_eq!(reward.score(&Sample::new("", "#### 42")), None);
}

#[test]
fn sizes_are_bounded() {
    let parse = |text: &str| text.parse::<Number>();
    assert_eq!(parse("10^10^10"), Err(NumberError::TooLarge));
    assert_eq!(parse("1e999999999999999999999"), Err(NumberError::TooLarge));
    assert_eq!(parse("1e-400"), Err(NumberError::TooLarge));
    assert_eq!(parse("2^1025"), Err(NumberError::TooLarge));
    assert_eq!(parse("2^-2147483648"), Err(NumberError::TooLarge));
    assert_eq!(parse("(-1)^2147483647").unwrap().to_f64(), -1.0);
    assert_eq!(parse("2^1000").unwrap(), parse("2^500 * 2^500").unwrap());
    assert_eq!(parse(&"9".repeat(400)), Err(NumberError::TooLarge));
    assert_eq!(parse(&"9".repeat(600)), Err(NumberError::TooLong));
    assert_eq!(parse(&format!("{}1{}", "(".repeat(100), ")".repeat(100))), Err(NumberError::TooLarge));
    assert_eq!(parse(&format!("1{}", "+1".repeat(100))), Err(NumberError::TooLarge));
    let long = "7".repeat(300);
    assert_eq!(right(&format!("#### {long}"), &long), Some(true));
    assert_eq!(right(&format!("#### {long}"), &format!("{long}8")), Some(false));
}

#[test]
fn reasons_say_what_was_read() {
    let reward = RewardSpec::new(RightNumber::default()).build().unwrap();
    let reason = |completion: &str| {
        let score = reward.score(&Sample::new("", completion).with_reference("42")).unwrap();
        (score.reason.into_owned(), score.extracted)
    };
    assert_eq!(reason("it is 41"), ("`41` (the last number) is not 42".into(), Some("41".into())));
    assert_eq!(
        reason("\\boxed{42, 43}"),
        ("`42, 43` (in `\\boxed{}`) is more than one number".into(), Some("42, 43".into()))
    );
    assert_eq!(reason("dunno"), ("no answer found".into(), None));
    let (long, _) = reason(&format!("#### \u{1b}[31m{}", "x".repeat(1000)));
    assert!(long.len() < 200 && !long.contains('\u{1b}'), "{long}");
}
