//! What must hold for every number and every polynomial: notation does not matter, value does.

use grpo_rewards::math::{Comparison, equal};

/// SplitMix64: seeded, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, n: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.unsigned_abs()) as i64
    }

    fn within(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high - low + 1)
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The same fraction in many notations; `below` is above 1 and in lowest terms.
fn notations(above: i64, below: i64) -> Vec<String> {
    let (sign, size) = (if above < 0 { "-" } else { "" }, above.abs());
    let (whole, rest) = (size / below, size % below);
    let mut notations = vec![
        format!("{above}/{below}"),
        format!("{sign}\\frac{{{size}}}{{{below}}}"),
        format!("\\dfrac{{{above}}}{{{below}}}"),
        format!("\\tfrac{{{}}}{{{}}}", above * 7, below * 7),
        format!("x = {sign}{size} / {below}"),
        format!("$\\left({sign}\\frac{{{size}}}{{{below}}}\\right)$"),
        format!("{above} \\div {below}"),
        format!("{sign}\\frac{{{size}}}{{{below}}}\\text{{ meters}}"),
        format!("{above} \\cdot {below}^{{-1}}"),
        format!("\\frac{{{above} + {below}}}{{{below}}} - 1"),
    ];
    if whole > 0 {
        notations.push(format!("{sign}{whole}\\frac{{{rest}}}{{{below}}}"));
        notations.push(format!("{sign}{whole} {rest}/{below}"));
    }
    if 1_000_000 % below == 0 {
        let micro = size * (1_000_000 / below);
        notations.push(format!("{sign}{}.{:06}", micro / 1_000_000, micro % 1_000_000));
        notations.push(format!("{sign}{}.{:04}\\%", micro / 10_000, micro % 10_000));
    }
    notations
}

#[test]
fn a_fraction_is_itself_in_every_notation() {
    let mut random = Random(1);
    for _ in 0..300 {
        let (above, below) = (random.within(-9999, 9999), random.within(2, 999));
        let common = gcd(above.abs(), below);
        let (above, below) = (above / common, below / common);
        if below == 1 || above == 0 {
            continue;
        }
        let texts = notations(above, below);
        // Far enough that no tolerance for decimals covers it.
        let other = notations(above + if random.below(2) == 0 { 1 } else { -1 }, below);
        for text in &texts {
            for same in &texts {
                // 50% is 0.5 and 50, so two percentages only meet a fraction in one of its meanings.
                assert_eq!(equal(text, same), Comparison::Equal, "{text} is {same}");
            }
            for other in &other {
                assert_eq!(equal(text, other), Comparison::Different, "{text} is not {other}");
            }
        }
    }
}

#[test]
fn large_numbers_with_separators_are_themselves() {
    let mut random = Random(2);
    for _ in 0..1000 {
        let number = random.below(1_000_000_000_000);
        let digits = number.to_string();
        let grouped = |separator: &str| {
            let mut text = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at).is_multiple_of(3) {
                    text.push_str(separator);
                }
                text.push(digit);
            }
            text
        };
        for separator in [",", "{,}", "\\,", ",\\!", " "] {
            let text = grouped(separator);
            assert_eq!(equal(&text, &digits), Comparison::Equal, "{text} is {digits}");
            assert_eq!(equal(&format!("\\${text}.00"), &digits), Comparison::Equal, "{text} is {digits}");
            let other = (number + 1).to_string();
            assert_eq!(equal(&text, &other), Comparison::Different, "{text} is not {other}");
        }
    }
}

/// Coefficients of the product of two polynomials, lowest first.
fn product(a: &[i64], b: &[i64]) -> Vec<i64> {
    let mut result = vec![0; a.len() + b.len() - 1];
    for (i, left) in a.iter().enumerate() {
        for (j, right) in b.iter().enumerate() {
            result[i + j] += left * right;
        }
    }
    result
}

/// `3x^{2} - x + 5`, from the highest power down or from the lowest up.
fn written(coefficients: &[i64], variable: &str, ascending: bool) -> String {
    let mut powers: Vec<usize> = (0..coefficients.len()).collect();
    if !ascending {
        powers.reverse();
    }
    let mut text = String::new();
    for power in powers {
        let factor = coefficients[power];
        let sign = match (factor < 0, text.is_empty()) {
            (true, _) => " - ",
            (false, true) => "",
            (false, false) => " + ",
        };
        text.push_str(sign);
        match (factor.abs(), power) {
            (size, 0) => text.push_str(&size.to_string()),
            (1, 1) => text.push_str(variable),
            (size, 1) => text.push_str(&format!("{size}{variable}")),
            (1, _) => text.push_str(&format!("{variable}^{{{power}}}")),
            (size, _) => text.push_str(&format!("{size} {variable}^{power}")),
        }
    }
    text
}

#[test]
fn a_polynomial_is_the_product_of_its_factors() {
    let mut random = Random(3);
    for round in 0..400 {
        let variable = ["x", "t", "\\theta ", "x_1"][round % 4];
        let factors: Vec<Vec<i64>> = (0..random.within(1, 4))
            .map(|_| {
                (0..random.within(2, 3))
                    .map(|_| random.within(-9, 9))
                    .map(|c| if c == 0 { 1 } else { c })
                    .collect()
            })
            .collect();
        let expanded = factors.iter().fold(vec![1], |all, factor| product(&all, factor));
        let factored: String =
            factors.iter().map(|factor| format!("({})", written(factor, variable, false))).collect();
        let texts =
            [written(&expanded, variable, false), written(&expanded, variable, true), factored.clone()];
        for text in &texts {
            for same in &texts {
                assert_eq!(equal(text, same), Comparison::Equal, "{text} is {same}");
            }
        }
        let mut other = expanded.clone();
        let at = random.below(other.len() as i64) as usize;
        other[at] += 1;
        let other = written(&other, variable, false);
        assert_eq!(equal(&factored, &other), Comparison::Different, "{factored} is not {other}");
        // As quotients, with and without the common factor.
        let quotient = format!("\\frac{{{factored}({variable}+10)}}{{{variable}+10}}");
        assert_eq!(equal(&quotient, &texts[0]), Comparison::Equal, "{quotient} is {}", texts[0]);
    }
}

#[test]
fn the_order_of_a_set_does_not_matter_and_that_of_a_tuple_does() {
    let mut random = Random(4);
    for _ in 0..300 {
        let mut items: Vec<String> = (0..random.within(2, 6))
            .map(|at| match random.below(4) {
                0 => format!("\\frac{{{}}}{{7}}", 7 * at + 1),
                1 => format!("\\sqrt{{{}}}", 100 + at),
                2 => format!("{at}x"),
                _ => (at * 3).to_string(),
            })
            .collect();
        let before = items.join(", ");
        let first = items.remove(0);
        items.push(first);
        let after = items.join(", ");
        assert_eq!(equal(&before, &after), Comparison::Equal, "{before} is {after}");
        assert_eq!(equal(&format!("\\{{{before}\\}}"), &after), Comparison::Equal, "{before} is {after}");
        let tuples = [format!("({before})"), format!("({after})")];
        assert_eq!(
            equal(&tuples[0], &tuples[1]),
            Comparison::Different,
            "{} is not {}",
            tuples[0],
            tuples[1]
        );
        items.pop();
        let shorter = items.join(", ");
        assert_ne!(equal(&before, &shorter), Comparison::Equal, "{before} is not {shorter}");
    }
}

#[test]
fn radicals_simplify_to_the_same() {
    for square in 1i64..40 {
        for rest in [2, 3, 5, 6, 7, 10, 30, 97, 1009] {
            let (under, out) = (square * square * rest, square);
            let texts = [
                format!("\\sqrt{{{under}}}"),
                format!("{out}\\sqrt{{{rest}}}"),
                format!("\\frac{{{}}}{{\\sqrt{{{rest}}}}}", out * rest),
                format!("{under}^{{1/2}}"),
                format!("{out} \\cdot {rest}^{{0.5}}"),
            ];
            for text in &texts {
                for same in &texts {
                    assert_eq!(equal(text, same), Comparison::Equal, "{text} is {same}");
                }
                let other = format!("{out}\\sqrt{{{}}}", rest + 1);
                assert_eq!(equal(text, &other), Comparison::Different, "{text} is not {other}");
            }
        }
    }
}
