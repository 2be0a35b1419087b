//! Formulas as fractions of polynomials: equality by exact arithmetic.
//!
//! The atoms are the variables, π, e, the roots of primes, and whatever else is no sum, product or quotient:
//! sines, logarithms, powers with a variable exponent. Two formulas with the same fraction are equal. Where all atoms are
//! independent of each other (variables, square roots of primes, i, π or e) formulas with different fractions
//! are different; else, as with `\sin^2 x + \cos^2 x`, this arithmetic cannot tell.

use super::polynomial::{MAX_ATOMS, Polynomial, Reduction, Ring};
use super::rational::Exact;
use super::token::{Constant, Function};
use super::tree::{Id, Name, Node, Tree};

/// The highest whole exponent that is multiplied out.
const MAX_POWER: i64 = 64;
/// Radicands are searched for prime factors below this, so that up to its square they are known completely.
const MAX_TRIAL: i64 = 1000;

/// A quotient of two polynomials. `None` below is 1, and so is every denominator without atoms.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fraction {
    above: Polynomial,
    below: Option<Polynomial>,
}

#[derive(Clone, Debug, PartialEq)]
enum Atom<'a> {
    Variable(Name<'a>),
    Constant(Constant),
    /// A root with its degree; powers of it reduce.
    Root(u8, Polynomial),
    RootOf(Fraction, Fraction),
    Power(Fraction, Fraction),
    Binomial(Fraction, Fraction),
    Apply(Function, Fraction),
}

/// What exact arithmetic says of two formulas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Equal,
    Different,
    Unknown,
}

/// The arithmetic of one comparison.
#[derive(Debug, Default)]
pub(super) struct Field<'a> {
    atoms: Vec<Atom<'a>>,
    ring: Ring,
    /// Whether atoms may depend on each other in ways that are not seen here.
    opaque: bool,
}

impl<'a> Field<'a> {
    /// Whether two formulas are equal.
    pub(super) fn compare(&mut self, a: &Fraction, b: &Fraction) -> Verdict {
        let sides = (self.times(&a.above, b.below.as_ref()), self.times(&b.above, a.below.as_ref()));
        match sides {
            (Some(left), Some(right)) if left == right => Verdict::Equal,
            (Some(_), Some(_)) if !self.opaque => Verdict::Different,
            // `\sin x + 10^{-30}` is not `\sin x`, whatever the sine is.
            (Some(left), Some(right)) if a.below.is_none() && b.below.is_none() => {
                let difference = right.scaled(&Exact::integer(-1)).and_then(|right| left.plus(&right));
                let constant = difference.is_some_and(|difference| difference.as_constant().is_some());
                if constant { Verdict::Different } else { Verdict::Unknown }
            }
            _ => Verdict::Unknown,
        }
    }

    /// Whether one formula is a multiple of the other by a number that is not zero, and whether that number is
    /// negative.
    pub(super) fn multiple(&mut self, a: &Fraction, b: &Fraction) -> Option<bool> {
        let left = self.times(&a.above, b.below.as_ref())?;
        let right = self.times(&b.above, a.below.as_ref())?;
        let (first, other) = (left.terms.first()?, right.terms.first()?);
        let factor = first.1.times(&other.1.inverse()?)?;
        (right.scaled(&factor)? == left).then(|| factor.is_negative())
    }

    pub(super) fn minus(&mut self, a: &Fraction, b: &Fraction) -> Option<Fraction> {
        let negative = Fraction { above: b.above.scaled(&Exact::integer(-1))?, below: b.below.clone() };
        self.sum(a, &negative)
    }

    /// The fraction of a formula whose nodes are `start..=root`. `None` where it grows too large or divides by
    /// zero.
    pub(super) fn fraction(&mut self, tree: &Tree<'a>, start: Id, root: Id) -> Option<Fraction> {
        let mut done: Vec<Option<Fraction>> = Vec::with_capacity(root + 1 - start);
        for node in tree.nodes.get(start..=root)? {
            // Every node is part of one other at most, so it can be moved there.
            let mut part = |id: &Id| done.get_mut(id.checked_sub(start)?)?.take();
            let value = match node {
                Node::Number(value) => constant(value.clone()),
                Node::Constant(Constant::I) => whole(self.square_root_of_minus_one()?),
                Node::Constant(constant) => self.atom(Atom::Constant(*constant))?,
                Node::Variable(name) => self.atom(Atom::Variable(*name))?,
                Node::Sum(a, b) => {
                    let (a, b) = (part(a)?, part(b)?);
                    self.sum(&a, &b)?
                }
                Node::Product(a, b) => {
                    let (a, b) = (part(a)?, part(b)?);
                    self.product(&a, &b)?
                }
                Node::Quotient(a, b) => {
                    let (a, b) = (part(a)?, inverse(part(b)?)?);
                    self.product(&a, &b)?
                }
                Node::Power(a, b) => {
                    let (a, b) = (part(a)?, part(b)?);
                    self.power(a, b)?
                }
                Node::Root(degree, of) => {
                    let (degree, of) = (part(degree)?, part(of)?);
                    self.root(degree, of)?
                }
                Node::Binomial(n, k) => {
                    let (n, k) = (part(n)?, part(k)?);
                    self.atom(Atom::Binomial(n, k))?
                }
                Node::Apply(function, a) => {
                    let a = part(a)?;
                    self.atom(Atom::Apply(*function, a))?
                }
            };
            done.push(Some(value));
        }
        done.pop()?
    }

    /// The fraction that is one atom.
    fn atom(&mut self, atom: Atom<'a>) -> Option<Fraction> {
        Some(whole(Polynomial::atom(self.index(atom)?)))
    }

    fn index(&mut self, atom: Atom<'a>) -> Option<usize> {
        if let Some(index) = self.atoms.iter().position(|known| *known == atom) {
            return Some(index);
        }
        if self.atoms.len() == MAX_ATOMS {
            return None;
        }
        self.opaque |= match &atom {
            Atom::Variable(_) => false,
            // Nobody knows of an equation between π and e, and nobody will write one into an answer.
            Atom::Constant(_) => false,
            Atom::Root(degree, radicand) => !(*degree == 2 && is_prime_or_minus_one(radicand)),
            Atom::RootOf(..) | Atom::Power(..) | Atom::Binomial(..) | Atom::Apply(..) => true,
        };
        let index = self.atoms.len();
        if let Atom::Root(degree, radicand) = &atom {
            let reduction = Reduction { atom: index, degree: *degree, radicand: radicand.clone() };
            self.ring.reductions.push(reduction);
        }
        self.atoms.push(atom);
        Some(index)
    }

    fn square_root_of_minus_one(&mut self) -> Option<Polynomial> {
        let minus_one = Polynomial::constant(Exact::integer(-1));
        Some(Polynomial::atom(self.index(Atom::Root(2, minus_one))?))
    }

    fn sum(&mut self, a: &Fraction, b: &Fraction) -> Option<Fraction> {
        if a.below == b.below {
            return Some(Fraction { above: a.above.plus(&b.above)?, below: a.below.clone() });
        }
        let left = self.times(&a.above, b.below.as_ref())?;
        let above = left.plus(&self.times(&b.above, a.below.as_ref())?)?;
        self.over_both(above, a, b)
    }

    fn product(&mut self, a: &Fraction, b: &Fraction) -> Option<Fraction> {
        let above = self.ring.product(&a.above, &b.above)?;
        self.over_both(above, a, b)
    }

    fn over_both(&mut self, above: Polynomial, a: &Fraction, b: &Fraction) -> Option<Fraction> {
        match (&a.below, &b.below) {
            (None, None) => Some(whole(above)),
            (Some(below), None) | (None, Some(below)) => normal(above, below.clone()),
            (Some(left), Some(right)) => normal(above, self.ring.product(left, right)?),
        }
    }

    fn times(&mut self, above: &Polynomial, below: Option<&Polynomial>) -> Option<Polynomial> {
        below.map_or_else(|| Some(above.clone()), |below| self.ring.product(above, below))
    }

    fn power(&mut self, base: Fraction, exponent: Fraction) -> Option<Fraction> {
        let Some(value) = exponent.as_constant() else {
            return self.atom(Atom::Power(base, exponent));
        };
        let (times, degree) = match value {
            Exact::Small(times, degree) if times.abs() <= MAX_POWER && degree <= MAX_POWER => (times, degree),
            _ => return self.atom(Atom::Power(base, exponent)),
        };
        let base = if degree == 1 { base } else { self.root(constant(Exact::integer(degree)), base)? };
        let base = if times < 0 { inverse(base)? } else { base };
        let times = u32::try_from(times.unsigned_abs()).ok()?;
        let above = self.ring.power(&base.above, times)?;
        match &base.below {
            None => Some(whole(above)),
            Some(below) => normal(above, self.ring.power(below, times)?),
        }
    }

    fn root(&mut self, degree: Fraction, of: Fraction) -> Option<Fraction> {
        let small =
            degree.as_constant().and_then(|value| value.to_integer()).and_then(|n| u8::try_from(n).ok());
        let Some(small @ 2..=64) = small else {
            return self.atom(Atom::RootOf(degree, of));
        };
        if let Some(value) = of.as_constant() {
            return self.root_of_number(small, &value);
        }
        if of.below.is_some() {
            return self.atom(Atom::RootOf(degree, of));
        }
        Some(whole(Polynomial::atom(self.index(Atom::Root(small, of.above))?)))
    }

    /// The root of a number: what is a whole power comes out, the rest is a product of roots of primes.
    fn root_of_number(&mut self, degree: u8, value: &Exact) -> Option<Fraction> {
        let Exact::Small(above, below) = *value else {
            return Some(whole(Polynomial::atom(
                self.index(Atom::Root(degree, Polynomial::constant(value.clone())))?,
            )));
        };
        // √(a/b) = √(ab)/b, and the like for other degrees.
        let filled = Exact::integer(below).to_the(i64::from(degree) - 1)?.to_integer()?;
        let mut rest = above.checked_mul(filled)?.checked_abs()?;
        let mut result = Polynomial::constant(Exact::ratio(1, below.into())?);
        if above < 0 {
            let sign = match degree {
                2 => self.square_root_of_minus_one()?,
                // The real root, as for `\sqrt[3]{-8}`.
                odd if odd % 2 == 1 => Polynomial::constant(Exact::integer(-1)),
                _ => return None,
            };
            result = self.ring.product(&result, &sign)?;
        }
        let mut prime = 2;
        while prime < MAX_TRIAL && prime * prime <= rest {
            let mut times = 0u32;
            while rest % prime == 0 {
                rest /= prime;
                times += 1;
            }
            result = self.times_root(result, degree, prime, times)?;
            prime += if prime == 2 { 1 } else { 2 };
        }
        if rest > 1 {
            let root = rest.isqrt();
            let (base, times) = if root * root == rest { (root, 2) } else { (rest, 1) };
            result = self.times_root(result, degree, base, times)?;
        }
        Some(whole(result))
    }

    /// `result` times the root of `base` to the power of `times`.
    fn times_root(&mut self, result: Polynomial, degree: u8, base: i64, times: u32) -> Option<Polynomial> {
        let (out, inside) = (times / u32::from(degree), times % u32::from(degree));
        let mut result = result.scaled(&Exact::integer(base).to_the(out.into())?)?;
        if inside > 0 {
            let root = Atom::Root(degree, Polynomial::constant(Exact::integer(base)));
            let root = Polynomial::atom(self.index(root)?);
            let power = self.ring.power(&root, inside)?;
            result = self.ring.product(&result, &power)?;
        }
        Some(result)
    }
}

impl Fraction {
    pub(super) fn as_constant(&self) -> Option<Exact> {
        if self.below.is_some() { None } else { self.above.as_constant() }
    }
}

fn constant(value: Exact) -> Fraction {
    whole(Polynomial::constant(value))
}

fn whole(above: Polynomial) -> Fraction {
    Fraction { above, below: None }
}

fn inverse(value: Fraction) -> Option<Fraction> {
    normal(value.below.unwrap_or_else(|| Polynomial::constant(Exact::ONE)), value.above)
}

/// With a denominator of 1 where it has no atoms. `None` where it is zero.
fn normal(above: Polynomial, below: Polynomial) -> Option<Fraction> {
    if below.is_zero() {
        return None;
    }
    match below.as_constant() {
        Some(value) => Some(whole(above.scaled(&value.inverse()?)?)),
        None => Some(Fraction { above, below: Some(below) }),
    }
}

fn is_prime_or_minus_one(radicand: &Polynomial) -> bool {
    let value = radicand.as_constant().and_then(|value| value.to_integer());
    // Larger ones were searched only in part.
    value.is_some_and(|value| value == -1 || (2..MAX_TRIAL * MAX_TRIAL).contains(&value))
}
