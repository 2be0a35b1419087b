//! Equality by trying: both formulas are computed for the same values of their variables.

use std::f64::consts::{E, PI};

use super::approx::Approx;
use super::exact::Verdict;
use super::token::Constant;
use super::tree::{Id, Name, Node, Tree};

/// How many values are tried for each variable, and how many of them must have a meaning for both formulas.
const POINTS: u64 = 12;
const NEEDED: usize = 5;
/// Where the computed bound of the error is larger than this, relative to the value, nothing is concluded.
const WORST: f64 = 1e-9;
/// Smaller values may be zero by underflow.
const TINY: f64 = 1e-280;

/// Tries two formulas at [`POINTS`] points.
///
/// The values of the variables are real, drawn from a generator that is seeded by the variable's name: four
/// of size 0.1 to 3, four of size 3 to 50, four of size 50 to 1000, half of them negative. Equal means that at
/// every point where both have a value the difference is below the rounding error, which is carried along and
/// must be below 1e-9 of the value, at five points at least. For two different analytic formulas one such
/// coincidence has a chance of about 1e-9, so five have one of about 1e-45. Formulas without variables
/// are computed once: two different numbers are taken for equal where they agree in the digits that floating
/// point can vouch for (some twelve), unless exact arithmetic has told them apart before.
pub(super) fn compare(a: (&Tree<'_>, Id, Id), b: (&Tree<'_>, Id, Id)) -> Verdict {
    let variables = has_variables(a) || has_variables(b);
    let (mut buffer, mut seen) = (Vec::new(), 0);
    for point in 0..if variables { POINTS } else { 1 } {
        let (left, right) = (value(a, point, &mut buffer), value(b, point, &mut buffer));
        let (Some(left), Some(right)) = (left, right) else { return Verdict::Unknown };
        if !left.is_finite() || !right.is_finite() {
            continue;
        }
        let difference = left.minus(right);
        if difference.size() > 4.0 * difference.error {
            return Verdict::Different;
        }
        let size = left.size().max(right.size());
        // Where both have vanished below what floating point can hold, nothing was seen.
        if left.size().max(left.error) < TINY && right.size().max(right.error) < TINY {
            continue;
        }
        if difference.error <= WORST * size || difference.error <= 1e-14 {
            seen += 1;
        }
    }
    if seen >= if variables { NEEDED } else { 1 } { Verdict::Equal } else { Verdict::Unknown }
}

/// The value of a formula without variables.
pub(super) fn constant(a: (&Tree<'_>, Id, Id)) -> Option<Approx> {
    if has_variables(a) {
        return None;
    }
    value(a, 0, &mut Vec::new()).filter(|value| value.is_finite())
}

pub(super) fn has_variables((tree, start, root): (&Tree<'_>, Id, Id)) -> bool {
    tree.nodes
        .get(start..=root)
        .is_some_and(|nodes| nodes.iter().any(|node| matches!(node, Node::Variable(_))))
}

fn value((tree, start, root): (&Tree<'_>, Id, Id), point: u64, done: &mut Vec<Approx>) -> Option<Approx> {
    done.clear();
    for node in tree.nodes.get(start..=root)? {
        let part = |id: &Id| done.get(id.checked_sub(start)?).copied();
        let value = match node {
            Node::Number(value) => Approx::real(value.to_f64()),
            Node::Constant(Constant::Pi) => Approx::real(PI),
            Node::Constant(Constant::E) => Approx::real(E),
            Node::Constant(Constant::I) => Approx::I,
            // Not a value to compute with.
            Node::Constant(Constant::Infinity) => return None,
            Node::Variable(name) => Approx::real(sample(*name, point)),
            Node::Sum(a, b) => part(a)?.plus(part(b)?),
            Node::Product(a, b) => part(a)?.times(part(b)?),
            Node::Quotient(a, b) => part(a)?.over(part(b)?),
            Node::Power(a, b) => power(tree, *b, part(a)?, part(b)?),
            Node::Root(degree, of) => part(of)?.root(part(degree)?),
            Node::Binomial(n, k) => {
                use super::token::Function::Factorial;
                let (n, k) = (part(n)?, part(k)?);
                let below = k.apply(Factorial).times(n.minus(k).apply(Factorial));
                n.apply(Factorial).over(below)
            }
            Node::Apply(function, a) => part(a)?.apply(*function),
        };
        done.push(value);
    }
    done.pop()
}

/// A power whose exponent is a fraction is a root: `(-8)^{1/3}` is -2.
fn power(tree: &Tree<'_>, exponent_node: Id, base: Approx, exponent: Approx) -> Approx {
    match tree.number(exponent_node) {
        Some(super::rational::Exact::Small(above, below)) if *below > 1 && *below < 64 => {
            let root = base.root(Approx::real(*below as f64));
            root.power(Approx::real(*above as f64))
        }
        _ => base.power(exponent),
    }
}

/// The value of a variable at a point: from its name (FNV) and the number of the point (SplitMix64).
fn sample(name: Name<'_>, point: u64) -> f64 {
    let bytes = name.letter.bytes().chain([b'_']).chain(name.index.bytes());
    let mut state = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    state = state.wrapping_add((point + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^= state >> 31;
    let unit = (state >> 11) as f64 / (1u64 << 53) as f64;
    let (low, high) = match point % 3 {
        0 => (0.1, 3.0),
        1 => (3.0, 50.0),
        _ => (50.0, 1000.0),
    };
    let size = low + (high - low) * unit;
    if state & 1 == 0 { size } else { -size }
}
