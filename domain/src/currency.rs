//! Amounts of money: a whole number of a currency's smallest unit. Currencies and how many digits their
//! smallest unit has are those of ISO 4217, list one, of 2024-06-25
//! (<https://www.six-group.com/dam/download/financial-information/data-center/iso-currrency/lists/list-one.xml>),
//! without precious metals, tests and what nobody is paid in.

use std::fmt;

use crate::{Issue, IssueCode};

/// The largest amount, either way, in the smallest unit.
pub const MAX_AMOUNT: i128 = 1_000_000_000_000;

/// A currency by its three letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: &'static str,
    digits: u8,
}

/// Codes by how many digits follow the point.
const NONE: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
const TWO: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC \
                   CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES \
                   KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR \
                   NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT \
                   TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";
const THREE: &str = "BHD IQD JOD KWD LYD OMR TND";
const FOUR: &str = "CLF UYW";

impl Currency {
    /// The currency of a code, in whatever case.
    ///
    /// # Errors
    /// An issue at `value.currency`.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let code = text.trim().to_ascii_uppercase();
        Self::from_code(&code).ok_or_else(|| {
            let message = "This is no currency. Use its three letters of ISO 4217, such as EUR.";
            Issue::new("value.currency", IssueCode::Invalid, message)
        })
    }

    /// The currency of a code as it is stored.
    pub fn from_code(code: &str) -> Option<Self> {
        let of = |codes: &'static str, digits| codes.split_whitespace().find(|known| *known == code).map(|code| Self { code, digits });
        of(TWO, 2).or_else(|| of(NONE, 0)).or_else(|| of(THREE, 3)).or_else(|| of(FOUR, 4))
    }

    pub fn code(self) -> &'static str {
        self.code
    }

    /// How many digits follow the point.
    pub fn digits(self) -> u8 {
        self.digits
    }
}

/// An amount as it is written, of whatever currency.
struct Decimal<'a> {
    negative: bool,
    /// Digits.
    whole: &'a str,
    /// Digits after the point, without zeros at their end.
    part: &'a str,
}

impl<'a> Decimal<'a> {
    fn parse(amount: &'a str) -> Result<Self, Issue> {
        let text = amount.trim();
        let (negative, number) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, part) = number.split_once('.').map_or((number, None), |(whole, part)| (whole, Some(part)));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || part.is_some_and(|part| !is_number(part)) || number.len() > 40 {
            let message = "This is no amount. Write it with digits and a point, such as 19.90.";
            return Err(Issue::new("value.amount", IssueCode::Invalid, message));
        }
        Ok(Self { negative, whole, part: part.unwrap_or_default().trim_end_matches('0') })
    }
}

/// What is wrong with an amount whatever its currency is, at `value.amount`.
pub(crate) fn wrong_amount(amount: &str) -> Option<Issue> {
    Decimal::parse(amount).err()
}

/// Some money. Sums of many may be larger than any one may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// In the currency's smallest unit.
    pub minor: i128,
    pub currency: Currency,
}

impl Money {
    /// Reads a decimal such as `19.90` or `-5`: digits, and after a point at most as many as the currency has,
    /// but for zeros. At most 10^12 of the smallest unit, either way.
    ///
    /// # Errors
    /// An issue at `value.amount`.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, Issue> {
        let refuse = |code, message: String| Err(Issue::new("value.amount", code, message));
        let Decimal { negative, whole, part } = Decimal::parse(amount)?;
        let digits = usize::from(currency.digits);
        if part.len() > digits {
            let message = match digits {
                0 => format!("{} has no smaller unit. Use a whole number.", currency.code),
                digits => format!("{} has {digits} digits after the point at most.", currency.code),
            };
            return refuse(IssueCode::Invalid, message);
        }
        let minor = format!("{whole}{part:0<digits$}").parse::<i128>().ok().filter(|minor| *minor <= MAX_AMOUNT);
        match minor {
            Some(minor) => Ok(Self { minor: if negative { -minor } else { minor }, currency }),
            None => refuse(IssueCode::OutOfRange, "Use at most 10^12 of the currency's smallest unit.".into()),
        }
    }
}

/// As [`Money::parse`] reads it, with all digits that the currency has.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, minor) = (if self.minor < 0 { "-" } else { "" }, self.minor.unsigned_abs());
        match self.currency.digits {
            0 => write!(f, "{sign}{minor}"),
            digits => {
                let unit = 10_u128.pow(digits.into());
                write!(f, "{sign}{}.{:0width$}", minor / unit, minor % unit, width = usize::from(digits))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::from_code(code).unwrap()
    }

    #[test]
    fn codes_are_three_letters_and_each_is_there_once() {
        let all: Vec<&str> = [NONE, TWO, THREE, FOUR].into_iter().flat_map(str::split_whitespace).collect();
        assert!(all.iter().all(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())));
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!((distinct.len(), all.len()), (all.len(), 160));
        assert_eq!(Currency::parse(" eur ").unwrap(), currency("EUR"));
        for wrong in ["", "EU", "EURO", "XXX", "€", "EUR USD"] {
            assert_eq!(Currency::parse(wrong).unwrap_err().path, "value.currency", "{wrong}");
        }
    }

    #[test]
    fn amounts_are_read_in_the_smallest_unit() {
        for (text, code, minor, written) in [
            ("19.9", "EUR", 1_990, "19.90"),
            ("-0.05", "EUR", -5, "-0.05"),
            ("5.000", "JPY", 5, "5"),
            ("1.2340", "KWD", 1_234, "1.234"),
            ("0", "USD", 0, "0.00"),
            ("-0", "USD", 0, "0.00"),
            ("007", "USD", 700, "7.00"),
            ("10000000000", "USD", MAX_AMOUNT, "10000000000.00"),
        ] {
            let money = Money::parse(text, currency(code)).unwrap();
            assert_eq!((money.minor, money.to_string().as_str()), (minor, written), "{text}");
        }
        for wrong in ["", "-", ".5", "5.", "1e3", "1,5", "0x1", "+1", "--1", "1.2.3", "NaN", "1.999", "٣", &"9".repeat(60)] {
            let issue = Money::parse(wrong, currency("EUR")).unwrap_err();
            assert_eq!((issue.path.as_str(), issue.code), ("value.amount", IssueCode::Invalid), "{wrong}");
        }
        for wrong in ["10000000000.01", "99999999999999999999999999999999"] {
            assert_eq!(Money::parse(wrong, currency("EUR")).unwrap_err().code, IssueCode::OutOfRange, "{wrong}");
        }
        assert!(Money::parse("1.5", currency("JPY")).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(minor in -MAX_AMOUNT..=MAX_AMOUNT, code in prop::sample::select(vec!["JPY", "EUR", "KWD", "CLF"])) {
            let money = Money { minor, currency: currency(code) };
            prop_assert_eq!(Money::parse(&money.to_string(), money.currency).unwrap(), money);
        }
    }
}
