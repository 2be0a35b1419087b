//! What the math verifier takes for the same, and what not, row by row.

use grpo_rewards::math::{Comparison, MathAnswer, MathError, Place, equal, find_answer, parse_answer};
use grpo_rewards::{RewardSpec, Sample};

#[track_caller]
fn all_equal(rows: &[(&str, &str)]) {
    let differing: Vec<String> = rows
        .iter()
        .flat_map(|(a, b)| [(a, b), (b, a)])
        .filter_map(|(a, b)| {
            let comparison = equal(a, b);
            (comparison != Comparison::Equal).then(|| format!("{a} is {b}: {comparison:?}"))
        })
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[track_caller]
fn all_different(rows: &[(&str, &str)]) {
    let same: Vec<String> = rows
        .iter()
        .flat_map(|(a, b)| [(a, b), (b, a)])
        .filter(|(a, b)| equal(a, b) == Comparison::Equal)
        .map(|(a, b)| format!("{a} is not {b}"))
        .collect();
    assert!(same.is_empty(), "{}", same.join("\n"));
}

#[test]
fn numbers_in_other_clothes() {
    all_equal(&[
        ("42", "42.0"),
        ("1,000", "1000"),
        ("1{,}000", "1000"),
        ("1\\,000", "1000"),
        ("61,\\!830", "61830"),
        ("$1,234.50", "1234.5"),
        ("\\$32{,}500", "32500"),
        ("£3.50", "3.5"),
        ("12 cm", "12"),
        ("5\\text{ meters}", "5"),
        ("5\\ \\text{m}^2", "5"),
        ("12\\text{ cm}^2", "12\\text{ square centimeters}"),
        ("90^\\circ", "90"),
        ("90^{\\circ}", "90°"),
        ("50\\%", "0.5"),
        ("50\\%", "50"),
        ("\\frac12", "0.5"),
        ("\\frac{1}{2}", "\\dfrac12"),
        ("\\tfrac{1}{2}", "1/2"),
        ("\\frac1{72}", "1/72"),
        ("\\frac{\\frac{1}{2}}{3}", "1/6"),
        ("1\\frac{3}{4}", "7/4"),
        ("1 3/4", "1.75"),
        ("2½", "5/2"),
        ("0.1\\overline{6}", "1/6"),
        ("0.\\overline{3}", "\\frac{1}{3}"),
        ("0.333333", "1/3"),
        ("2^{10}", "1024"),
        ("1.5 \\times 10^3", "1500"),
        ("5!", "120"),
        ("\\binom{5}{2}", "10"),
        ("\\left|-3\\right|", "3"),
        ("\\lfloor 3.7 \\rfloor", "3"),
        ("\\lceil 3.2 \\rceil", "4"),
        ("x = 5", "5"),
        ("\\text{Area} = 12\\pi", "12\\pi"),
        ("3:4", "3/4"),
        ("1101_2", "1101_{2}"),
        ("−7", "-7"),
        ("40 + 2 = 42", "42"),
        ("\\boxed{42}", "42"),
        ("x = \\frac{1}{3} \\approx 0.33", "1/3"),
    ]);
    all_different(&[
        ("42", "43"),
        ("0.33", "1/3"),
        ("12", "12\\pi"),
        ("x = 5", "y = 5"),
        ("5!", "5"),
        ("|x|", "x"),
        ("x = 5 or x = 7", "7"),
        ("5 or 7", "7"),
        ("1101_2", "1101_3"),
        ("42\0", "42"),
        ("3:4", "4:3"),
        ("50\\%", "5"),
        ("2\\frac12", "1"),
    ]);
}

#[test]
fn roots_powers_and_constants() {
    all_equal(&[
        ("\\sqrt{12}", "2\\sqrt{3}"),
        ("\\sqrt{12}", "2\\sqrt3"),
        ("2√3", "\\sqrt{12}"),
        ("sqrt(8)", "2^{3/2}"),
        ("\\frac{1}{\\sqrt{2}}", "\\frac{\\sqrt{2}}{2}"),
        ("\\sqrt{\\frac{2}{3}}", "\\frac{\\sqrt6}{3}"),
        ("\\frac{6}{3-\\sqrt{3}}", "3+\\sqrt3"),
        ("\\sqrt{3+2\\sqrt{2}}", "1+\\sqrt{2}"),
        ("\\sqrt[3]{16}", "2\\sqrt[3]{2}"),
        ("\\sqrt[3]{-8}", "-2"),
        ("(-8)^{1/3}", "-2"),
        ("4^{-1/2}", "1/2"),
        ("2\\pi", "\\pi + \\pi"),
        ("6.283185307", "2\\pi"),
        ("e^{i\\pi}", "-1"),
        ("(1+i)^2", "2i"),
        ("\\frac{1}{i}", "-i"),
        ("\\sqrt{-4}", "2i"),
        ("\\ln e^3", "3"),
        ("\\log_2 8", "3"),
        ("\\log_{10} 1000", "\\log 1000"),
        ("\\sin 30^\\circ", "1/2"),
        ("\\cos(\\pi/3)", "0.5"),
        ("\\sin^{-1}(1)", "\\frac{\\pi}{2}"),
        ("\\tan\\frac{\\pi}{4}", "1"),
        ("\\exp(2)", "e^2"),
        ("\\frac{12 \\pm \\sqrt{20}}{2}", "6 \\pm \\sqrt5"),
    ]);
    all_different(&[
        ("\\sqrt{12}", "3\\sqrt{2}"),
        ("\\sqrt{2}+\\sqrt{3}", "\\sqrt{5}"),
        ("\\sqrt{2}+\\sqrt{3}", "3.146"),
        ("\\pi", "22/7"),
        ("\\pi", "3.14"),
        ("e^\\pi - \\pi", "20"),
        ("\\sqrt{5}", "2.236"),
        ("2+3i", "2-3i"),
        ("\\sin 30", "1/2"),
        ("2^{2005}", "2^{2004}"),
        ("\\sqrt[3]{2}", "\\sqrt{2}"),
        ("\\log_2 8", "\\log_3 8"),
    ]);
}

#[test]
fn algebra() {
    all_equal(&[
        ("2x+3", "3+2x"),
        ("(x+1)^2", "x^2+2x+1"),
        ("x²+2x+1", "(x+1)(x+1)"),
        ("\\frac{x^2-1}{x-1}", "x+1"),
        ("\\frac{1}{x}+\\frac{1}{y}", "\\frac{x+y}{xy}"),
        ("0.5x", "\\frac{x}{2}"),
        ("2\\sin x\\cos x", "\\sin 2x"),
        ("\\sin^2 x + \\cos^2 x", "1"),
        ("e^{x+1}", "e \\cdot e^x"),
        ("2^{n+1}", "2\\cdot 2^n"),
        ("\\sqrt{x^2}", "|x|"),
        ("x_1 + x_2", "x_{2} + x_{1}"),
        ("30x\\sqrt{2x}", "30\\sqrt{2x}\\cdot x"),
        ("\\frac{n(n+1)}{2}", "\\frac{n^2+n}{2}"),
        ("\\binom{n}{2}", "\\frac{n(n-1)}{2}"),
        ("2(x-3)(x+5)", "2x^2+4x-30"),
        ("a^2-b^2", "(a-b)(a+b)"),
        ("f(x) = x^2 + 1", "x^2+1"),
        ("3xy", "3yx"),
        ("2 * x ** 2", "2x^2"),
        ("\\frac{\\alpha}{2}", "0.5\\alpha"),
    ]);
    all_different(&[
        ("2x+3", "3x+2"),
        ("\\sqrt{x^2}", "x"),
        ("(x+1)^2", "x^2+1"),
        ("x^2", "x^3"),
        ("x", "y"),
        ("|x-100|", "100-x"),
        ("x_1", "x_2"),
        ("\\sin x", "x"),
        ("\\sin 2x", "2\\sin x"),
        ("\\ln x^2", "2\\ln x"),
        ("x^2+10^{-9}x", "x^2"),
        ("x + 0.000001", "x"),
        ("\\sin x + 10^{-30}", "\\sin x"),
        ("e^{-10^6x^2}", "2e^{-10^6x^2}"),
    ]);
}

#[test]
fn lists_sets_and_intervals() {
    all_equal(&[
        ("1, 2, 3", "3, 2, 1"),
        ("\\{1, 2\\}", "\\{2, 1\\}"),
        ("\\{1,2\\}", "1 \\text{ and } 2"),
        ("x = 1 or x = 2", "1, 2"),
        ("x \\in \\{1, 2\\}", "1, 2"),
        ("(1, 2)", "\\left( 1, 2 \\right)"),
        ("(0.5, \\sqrt{4})", "\\left(\\frac12, 2\\right)"),
        ("(x, y) = (1, 2)", "(1,2)"),
        ("[0, 1)", "\\left[0, 1\\right)"),
        ("x > 3", "(3, \\infty)"),
        ("3 < x", "x > 3"),
        ("-2 < x \\le 3", "(-2, 3]"),
        ("12 > x > 0", "0 < x < 12"),
        ("(-\\infty, 2]", "x \\leq 2"),
        ("(-\\infty, 1) \\cup (3, \\infty)", "x < 1 \\text{ or } x > 3"),
        ("(3,\\infty)\\cup(-\\infty,1)", "(-\\infty,1)\\cup(3,\\infty)"),
        ("x \\in [1, 2]", "[1,2]"),
        ("x in [1, 2]", "[1,2]"),
        ("it is \\sqrt{5}", "\\sqrt{5}"),
        ("\\mathbb{R}", "(-\\infty, \\infty)"),
        ("\\{x \\mid x > 3\\}", "(3, \\infty)"),
        ("3 \\pm \\sqrt2", "3+\\sqrt2, 3-\\sqrt2"),
        ("\\{5\\}", "5"),
        ("\\emptyset", "\\{\\}"),
        ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{bmatrix}1.0 & 2 \\\\ 3 & 4\\end{bmatrix}"),
        ("y = 2x + 3", "2x - y = -3"),
        ("2x + 4y = 6", "x + 2y - 3 = 0"),
        ("x^2 + y^2 = 4", "4 = x^2 + y^2"),
        ("x^2 < y", "y > x^2"),
        ("$\\boxed{1}$ and $\\boxed{2}$", "2, 1"),
    ]);
    all_different(&[
        ("(1, 2)", "(2, 1)"),
        ("[0, 1)", "(0, 1)"),
        ("[0, 1]", "[0, 1)"),
        ("1, 2", "1, 2, 3"),
        ("\\{1, 2\\}", "(1, 2)"),
        ("x > 3", "x \\ge 3"),
        ("x > 3", "x < 3"),
        ("x > 3", "y > 3"),
        ("(3, \\infty)", "(-\\infty, 3)"),
        ("3 \\pm \\sqrt2", "3 + \\sqrt2"),
        ("1, 1", "1"),
        ("1", "1, 2"),
        ("y = 2x + 3", "y = 2x - 3"),
        ("x^2 < y", "x^2 > y"),
        ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{pmatrix}1&2\\\\4&3\\end{pmatrix}"),
        ("\\begin{pmatrix}1&2\\end{pmatrix}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}"),
        ("x = 1, y = 2", "x = 2, y = 1"),
    ]);
}

#[test]
fn words_and_choices() {
    all_equal(&[
        ("\\text{even}", "even"),
        ("Even", "even"),
        ("\\text{Tuesday}", "Tuesday"),
        ("(B)", "B"),
        ("\\textbf{(B)}", "\\text{B}"),
        ("B.", "B"),
        ("(B) 42", "B"),
        ("\\text{B: both}", "(B)"),
        ("B, E", "E,B"),
        ("\\overline{AB}", "\\overline{AB}"),
    ]);
    all_different(&[
        ("even", "odd"),
        ("(B)", "C"),
        ("no", "on"),
        ("yes", "no"),
        ("B", "BC"),
        ("(B) 42", "C"),
    ]);
}

#[test]
fn what_cannot_be_read_says_why() {
    for (text, error) in [
        ("", MathError::Empty),
        ("$$", MathError::Empty),
        ("(1 + 2", MathError::Unclosed),
        ("1 + 2)", MathError::Unclosed),
        ("\\frac{1}", MathError::Incomplete),
        ("3 +", MathError::Incomplete),
        ("1/0", MathError::DivisionByZero),
        ("0^{-1}", MathError::DivisionByZero),
        ("4\u{0}2", MathError::Control),
        ("\\int x dx", MathError::Unreadable),
        ("1.2.3", MathError::Unreadable),
        ("42 43", MathError::Unreadable),
        ("forty-two", MathError::Unreadable),
    ] {
        assert_eq!(parse_answer(text).err(), Some(error), "{text:?}");
    }
    assert_eq!(parse_answer(&"1+".repeat(1000)).unwrap_err(), MathError::TooLong);
    assert_eq!(
        parse_answer(&format!("{}1{}", "(".repeat(100), ")".repeat(100))).unwrap_err(),
        MathError::TooDeep
    );
    assert_eq!(parse_answer(&"x^".repeat(100)).unwrap_err(), MathError::TooLarge);
    assert_eq!(parse_answer(&"1, ".repeat(100)).unwrap_err(), MathError::TooLarge);
    assert_eq!(equal("10^10^10", "10^10^9"), Comparison::Unknown);
    assert_eq!(equal("10^10^10", "10^{10^{10}}"), Comparison::Equal);
}

#[test]
fn the_place_of_the_answer() {
    let order = [Place::Hash, Place::Boxed, Place::Phrase, Place::Last];
    for (completion, place, text) in [
        ("#### 1\n#### 42 apples\nCheck.", Place::Hash, "42 apples"),
        ("\\boxed{41} no, \\boxed{\\frac{1}{2}}. In 3 steps.", Place::Boxed, "\\frac{1}{2}"),
        ("\\boxed{\\boxed{42}}", Place::Boxed, "\\boxed{42}"),
        ("\\fbox{42}", Place::Boxed, "42"),
        ("$\\boxed{1}$ and $\\boxed{2}$.", Place::Boxed, "\\boxed{1}$ and $\\boxed{2}"),
        ("\\boxed{1}. Much later we see that it is \\boxed{2}", Place::Boxed, "2"),
        ("The answer is 42.", Place::Phrase, "42"),
        ("The final answer is: $x^2$ (by the way)", Place::Phrase, "$x^2$"),
        ("**Answer:** (3, 4)", Place::Phrase, "(3, 4)"),
        ("**Final Answer**\n\n\\[ 3\\pi \\]\nDone in 2 steps.", Place::Phrase, "\\[ 3\\pi \\]"),
        ("The answer is 12, because 3 * 4 = 12.", Place::Phrase, "12"),
        ("The answers are $1$ and $-1$, as 2 is not.", Place::Phrase, "$1$ and $-1$"),
        ("<think>41</think><answer>42</answer> 7", Place::Phrase, "42"),
        ("Answer: Tuesday", Place::Phrase, "Tuesday"),
        ("So $x = 3$.", Place::Last, "$x = 3$"),
        ("So $x = 3$ in 2 steps", Place::Last, "2"),
        ("It costs $5 and then $7", Place::Last, "7"),
        ("The share is $30$\\%.", Place::Last, "$30$\\%"),
        ("Roots: $2$, $3$ and $5$.", Place::Last, "$2$, $3$ and $5$"),
        ("It is $7$ for all $x$.", Place::Last, "$7$"),
        ("Therefore 7 * 6 = 42.", Place::Last, "42"),
    ] {
        assert_eq!(find_answer(completion, &order), Some((place, text)), "{completion:?}");
    }
    for completion in ["", "I do not know.", "The answer is", "answer", "$"] {
        assert_eq!(find_answer(completion, &order), None, "{completion:?}");
    }
    assert_eq!(find_answer("$a$ is 5", &[Place::LastFormula]), Some((Place::LastFormula, "$a$")));
    assert_eq!(find_answer("$a$ is 5", &[Place::LastNumber]), Some((Place::LastNumber, "5")));
}

#[test]
fn every_outcome_has_a_reason() {
    let reward = RewardSpec::new(MathAnswer::default()).build().unwrap();
    let score = |completion: &str, reference: &str| {
        reward.score(&Sample::new("", completion).with_reference(reference)).unwrap()
    };
    let right = score("So $\\boxed{\\frac{1}{2}}$.", "0.5");
    assert_eq!((right.value, right.extracted.as_deref()), (1.0, Some("\\frac{1}{2}")));
    assert_eq!(right.reason, "`\\frac{1}{2}` (in `\\boxed{}`) equals 0.5");
    assert_eq!(score("The answer is 7.", "8").reason, "`7` (after \"answer\") is not 8");
    assert_eq!(score("dunno", "8").reason, "no answer found");
    assert_eq!(score("#### (1 + 2", "3").reason, "`(1 + 2` (after `####`) has brackets that never close");
    assert_eq!(score("\\boxed{}", "3").reason, "`` (in `\\boxed{}`) is empty");
    let large = score("\\boxed{10^10^10}", "10^10^9").reason;
    assert_eq!(large, "`10^10^10` (in `\\boxed{}`) is too large to be compared with 10^10^9");
    let worked = score("#### 72", "48/2 = 24 clips.\n48+24 = 72 clips.\n#### 72");
    assert_eq!((worked.value, &*worked.reason), (1.0, "`72` (after `####`) equals 72"));
    let solution = score("$\\boxed{x+1}$", "We get $1 + x$, so the answer is $\\boxed{1+x}$.");
    assert_eq!(solution.value, 1.0);
    assert_eq!(reward.score(&Sample::new("", "#### 42")), None, "no reference");
    assert_eq!(reward.score(&Sample::new("", "#### 42").with_reference(" ")), None, "an empty one");
    let hidden = score(&format!("#### \u{1b}[31m{}", "x".repeat(2000)), "3").reason;
    assert!(hidden.len() < 200 && !hidden.contains('\u{1b}'), "{hidden}");
}
