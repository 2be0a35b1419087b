//! Complex numbers in floating point that know how wrong they may be.

use std::f64::consts::{LN_10, PI};

use super::token::Function;

/// Relative error of one operation, generously: the functions of the standard library are good to a few units
/// in the last place.
const STEP: f64 = 1e-15;

/// A complex number and a bound of its absolute error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Approx {
    pub(super) re: f64,
    pub(super) im: f64,
    pub(super) error: f64,
}

impl Approx {
    pub(super) fn real(re: f64) -> Self {
        // Whole numbers are exact.
        let exact = re.fract() == 0.0 && re.abs() < 9e15;
        Self { re, im: 0.0, error: if exact { 0.0 } else { re.abs() * STEP } }
    }

    pub(super) const I: Self = Self { re: 0.0, im: 1.0, error: 0.0 };

    fn rounded(re: f64, im: f64, error: f64) -> Self {
        Self { re, im, error: error + STEP * re.hypot(im) }
    }

    pub(super) fn size(self) -> f64 {
        self.re.hypot(self.im)
    }

    pub(super) fn is_finite(self) -> bool {
        self.re.is_finite() && self.im.is_finite() && self.error.is_finite()
    }

    /// Whether this may be a real number.
    fn is_real(self) -> bool {
        self.im.abs() <= self.error
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self::rounded(self.re + other.re, self.im + other.im, self.error + other.error)
    }

    pub(super) fn minus(self, other: Self) -> Self {
        self.plus(Self { re: -other.re, im: -other.im, ..other })
    }

    pub(super) fn times(self, other: Self) -> Self {
        let error = self.size() * other.error + other.size() * self.error + self.error * other.error;
        let (re, im) = (self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re);
        // The two products of a component may cancel, so the step is of the product of sizes.
        Self { re, im, error: error + STEP * self.size() * other.size() }
    }

    fn inverse(self) -> Self {
        let square = self.re * self.re + self.im * self.im;
        let size = self.size();
        // Too close to zero to say anything.
        let error = if self.error * 2.0 < size { 2.0 * self.error / square } else { f64::INFINITY };
        Self::rounded(self.re / square, -self.im / square, error)
    }

    pub(super) fn over(self, other: Self) -> Self {
        self.times(other.inverse())
    }

    fn exp(self) -> Self {
        let size = self.re.exp();
        Self::rounded(
            size * self.im.cos(),
            size * self.im.sin(),
            size * 2.0 * self.error * growth(self.error),
        )
    }

    fn ln(self) -> Self {
        let size = self.size();
        let error = if self.error * 2.0 < size { 2.0 * self.error / size } else { f64::INFINITY };
        // Along the cut, the side is decided by rounding: take the upper one.
        let angle =
            if self.is_real() { if self.re < 0.0 { PI } else { 0.0 } } else { self.im.atan2(self.re) };
        Self::rounded(size.ln(), angle, error)
    }

    /// The principal power; the real root of a negative number where the exponent is one over an odd number.
    pub(super) fn power(self, exponent: Self) -> Self {
        let times = exponent.re.round();
        if exponent.is_real() && (exponent.re - times).abs() <= exponent.error && times.abs() <= 64.0 {
            return self.whole_power(times);
        }
        if self.size() <= self.error {
            return if exponent.re > 0.0 { Self { re: 0.0, im: 0.0, ..self } } else { self.inverse() };
        }
        self.ln().times(exponent).exp()
    }

    fn whole_power(self, times: f64) -> Self {
        let mut result = Self { re: 1.0, im: 0.0, error: 0.0 };
        for _ in 0..times.abs() as u32 {
            result = result.times(self);
        }
        if times < 0.0 { result.inverse() } else { result }
    }

    /// The root of a degree; the real one for odd degrees of real numbers.
    pub(super) fn root(self, degree: Self) -> Self {
        let odd = degree.is_real() && (degree.re.abs() % 2.0 - 1.0).abs() <= degree.error;
        if odd && self.is_real() && self.re < 0.0 {
            let positive = Self { re: -self.re, ..self }.root(degree);
            return Self { re: -positive.re, im: -positive.im, ..positive };
        }
        let one = Self { re: 1.0, im: 0.0, error: 0.0 };
        self.power(one.over(degree))
    }

    pub(super) fn apply(self, function: Function) -> Self {
        let two = Self { re: 2.0, im: 0.0, error: 0.0 };
        let one = Self { re: 1.0, im: 0.0, error: 0.0 };
        match function {
            Function::Sin => self.sin(),
            Function::Cos => self.cos(),
            Function::Tan => self.sin().over(self.cos()),
            Function::Cot => self.cos().over(self.sin()),
            Function::Sec => self.cos().inverse(),
            Function::Csc => self.sin().inverse(),
            Function::Arcsin => self.on_reals(f64::asin, |x| 1.0 / (1.0 - x * x).sqrt()),
            Function::Arccos => self.on_reals(f64::acos, |x| 1.0 / (1.0 - x * x).sqrt()),
            Function::Arctan => self.on_reals(f64::atan, |_| 1.0),
            Function::Sinh => self.exp().minus(self.times(Self::real(-1.0)).exp()).over(two),
            Function::Cosh => self.exp().plus(self.times(Self::real(-1.0)).exp()).over(two),
            Function::Tanh => {
                let square = self.times(two).exp();
                square.minus(one).over(square.plus(one))
            }
            Function::Ln => self.ln(),
            Function::Log => self.ln().over(Self::real(LN_10)),
            Function::Exp => self.exp(),
            Function::Absolute => Self::rounded(self.size(), 0.0, self.error),
            Function::Floor => self.stepwise(f64::floor),
            Function::Ceiling => self.stepwise(f64::ceil),
            Function::Factorial => {
                self.on_reals(|x| gamma(x + 1.0), |x| 4.0 * x.abs() * gamma(x + 1.0).abs())
            }
        }
    }

    fn sin(self) -> Self {
        let (re, im) = (self.re.sin() * self.im.cosh(), self.re.cos() * self.im.sinh());
        Self::rounded(re, im, self.error * self.im.cosh() * growth(self.error))
    }

    fn cos(self) -> Self {
        let (re, im) = (self.re.cos() * self.im.cosh(), -self.re.sin() * self.im.sinh());
        Self::rounded(re, im, self.error * self.im.cosh() * growth(self.error))
    }

    /// A function of real numbers, with its slope to carry the error; NaN elsewhere.
    fn on_reals(self, value: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64) -> Self {
        let re = if self.is_real() { value(self.re) } else { f64::NAN };
        let carried = if self.error == 0.0 { 0.0 } else { 2.0 * self.error * (1.0 + slope(self.re).abs()) };
        // 1e-14: the least exact of these functions.
        Self { re, im: 0.0, error: carried + 1e-14 * re.abs() }
    }

    /// A function that jumps: known only away from the jumps.
    fn stepwise(self, value: impl Fn(f64) -> f64) -> Self {
        let (low, high) = (value(self.re - self.error), value(self.re + self.error));
        let re = if self.is_real() && low == high { low } else { f64::NAN };
        Self { re, im: 0.0, error: 0.0 }
    }
}

/// How much an error above 1 grows further in an exponential.
fn growth(error: f64) -> f64 {
    error.min(700.0).exp()
}

/// Lanczos' approximation of the gamma function (g = 7, nine terms; relative error about 1e-15).
fn gamma(x: f64) -> f64 {
    const TERMS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        return PI / ((PI * x).sin() * gamma(1.0 - x));
    }
    let x = x - 1.0;
    let shifted = x + 7.5;
    let sum = TERMS.iter().skip(1).zip(1..).fold(TERMS[0], |sum, (term, k)| sum + term / (x + f64::from(k)));
    (2.0 * PI).sqrt() * shifted.powf(x + 0.5) * (-shifted).exp() * sum
}
