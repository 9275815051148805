//! Scalars of the schema.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use domain::Millis;

/// An instant as RFC 3339 text in UTC with milliseconds, such as 2026-03-01T09:30:00.000Z. Input
/// may carry any offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime(pub Millis);

#[Scalar(name = "DateTime", specified_by_url = "https://scalars.graphql.org/andimarek/date-time.html")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let at: jiff::Timestamp =
            text.parse().map_err(|_| InputValueError::custom("this is no instant; write it like 2026-03-01T09:30:00Z"))?;
        Ok(Self(Millis::from_timestamp(at)))
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if text.parse::<jiff::Timestamp>().is_ok())
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

macro_rules! text_scalar {
    ($(#[$doc:meta])* $name:ident, $graphql:literal, $url:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub String);

        #[Scalar(name = $graphql, specified_by_url = $url)]
        impl ScalarType for $name {
            fn parse(value: Value) -> InputValueResult<Self> {
                match value {
                    Value::String(text) => Ok(Self(text)),
                    other => Err(InputValueError::expected_type(other)),
                }
            }

            fn to_value(&self) -> Value {
                Value::String(self.0.clone())
            }
        }
    };
}

text_scalar!(
    /// An absolute http or https URL, as serialised by the WHATWG URL Standard.
    Url, "URL", "https://url.spec.whatwg.org/"
);
text_scalar!(
    /// A country by its two letters (ISO 3166-1 alpha-2), such as DE.
    CountryCode, "CountryCode", "https://www.iso.org/iso-3166-country-codes.html"
);
text_scalar!(
    /// A time zone by its name in the IANA database, such as Europe/Berlin.
    TimeZone, "TimeZone", "https://www.iana.org/time-zones"
);
