//! What may be asked of a QR code, and what phones can read.

use domain::{Invalid, Issue, IssueCode, Parameter};
use fast_qr::ECL;

const SIZES: std::ops::RangeInclusive<u32> = 64..=2_048;
const MOST_MARGIN: u32 = 16;
/// Relative luminance of paper against ink (WCAG 2.2), below which scanners fail in poor light.
const LEAST_CONTRAST: f64 = 3.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Svg,
    Png,
}

impl Format {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Svg => "image/svg+xml",
            Self::Png => "image/png",
        }
    }
}

/// How much of a code may be lost: 7, 15, 25 or 30 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    L,
    M,
    Q,
    H,
}

impl From<Level> for ECL {
    fn from(level: Level) -> Self {
        match level {
            Level::L => Self::L,
            Level::M => Self::M,
            Level::Q => Self::Q,
            Level::H => Self::H,
        }
    }
}

/// One code, as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub format: Format,
    pub level: Level,
    /// Width and height in pixels.
    pub size: u32,
    /// In modules.
    pub margin: u32,
    pub ink: [u8; 3],
    pub paper: [u8; 3],
    /// Whether the product's mark stands in the middle.
    pub logo: bool,
}

impl Order {
    /// Reads `fg`, `bg`, `level`, `size`, `margin` and `logo`; others are ignored, and of a repeated one
    /// the first counts.
    ///
    /// # Errors
    /// Everything that is wrong, at the parameters' names.
    pub fn parse(format: Format, parameters: &[Parameter]) -> Result<Self, Invalid> {
        let of = |key: &str| parameters.iter().find(|parameter| parameter.key == key).map(|parameter| parameter.value.as_str());
        let mut invalid = Invalid::default();
        let logo = of("logo").and_then(|text| invalid.check(flag(text))).unwrap_or(false);
        let level = of("level").and_then(|text| invalid.check(level(text, logo)));
        let size = of("size").and_then(|text| invalid.check(number("size", text, SIZES, "pixels")));
        let margin = of("margin").and_then(|text| invalid.check(number("margin", text, 0..=MOST_MARGIN, "modules")));
        let ink = of("fg").map(|text| invalid.check(colour("fg", text)));
        let paper = of("bg").map(|text| invalid.check(colour("bg", text)));
        if let (Some(ink), Some(paper)) = (ink.unwrap_or(Some([0; 3])), paper.unwrap_or(Some([255; 3]))) {
            invalid.check(contrast(ink, paper));
        }
        invalid.finish()?;
        Ok(Self {
            format,
            level: level.unwrap_or(if logo { Level::H } else { Level::M }),
            size: size.unwrap_or(512),
            margin: margin.unwrap_or(4),
            ink: ink.flatten().unwrap_or([0; 3]),
            paper: paper.flatten().unwrap_or([255; 3]),
            logo,
        })
    }

    /// # Errors
    /// An issue at `size` where a module would be smaller than a pixel.
    pub(super) fn check_side(&self, side: u32) -> Result<(), Invalid> {
        if side <= self.size {
            return Ok(());
        }
        let message = format!("This code has {side} modules a side with its margin. Use at least {side} pixels.");
        Err(Issue::new("size", IssueCode::OutOfRange, message).into())
    }

    pub(super) fn too_much(&self) -> Invalid {
        Issue::new("level", IssueCode::OutOfRange, "The short URL is too long for a code of this level. Use a lower one.").into()
    }
}

fn flag(text: &str) -> Result<bool, Issue> {
    match text {
        "1" | "true" => Ok(true),
        "0" | "false" | "" => Ok(false),
        _ => Err(Issue::new("logo", IssueCode::Invalid, "Use 1 for the mark in the middle, 0 for none.")),
    }
}

fn level(text: &str, logo: bool) -> Result<Level, Issue> {
    let level = match text {
        "L" | "l" => Level::L,
        "M" | "m" => Level::M,
        "Q" | "q" => Level::Q,
        "H" | "h" => Level::H,
        _ => return Err(Issue::new("level", IssueCode::Invalid, "Use L, M, Q or H as the error correction's level.")),
    };
    if logo && level != Level::H {
        return Err(Issue::new("level", IssueCode::NotAllowed, "A mark covers a part of the code. Use H with it, or leave the level out."));
    }
    Ok(level)
}

fn number(path: &str, text: &str, range: std::ops::RangeInclusive<u32>, unit: &str) -> Result<u32, Issue> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        Issue::new(path, IssueCode::OutOfRange, format!("Use a whole number of {unit} from {} to {}.", range.start(), range.end()))
    })
}

/// `rrggbb` or `rgb`, with or without `#`.
fn colour(path: &str, text: &str) -> Result<[u8; 3], Issue> {
    let refuse = || Issue::new(path, IssueCode::Invalid, "Write a colour as six or three hexadecimal digits, such as 26282d.");
    let hex = text.strip_prefix('#').unwrap_or(text);
    let digits: Option<Vec<u32>> = hex.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.ok_or_else(refuse)?;
    match *digits.as_slice() {
        [r, g, b] => Ok([r, g, b].map(|digit| (digit * 17) as u8)),
        [a, b, c, d, e, f] => Ok([(a, b), (c, d), (e, f)].map(|(high, low)| (high * 16 + low) as u8)),
        _ => Err(refuse()),
    }
}

/// Scanners look for dark modules on light paper.
fn contrast(ink: [u8; 3], paper: [u8; 3]) -> Result<(), Issue> {
    if (luminance(paper) + 0.05) / (luminance(ink) + 0.05) >= LEAST_CONTRAST {
        return Ok(());
    }
    Err(Issue::new("fg", IssueCode::NotAllowed, "Phones cannot read such a code. Use a darker foreground or a lighter background."))
}

/// Relative luminance of sRGB, 0 to 1.
fn luminance(colour: [u8; 3]) -> f64 {
    let [r, g, b] = colour.map(|value| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Order, Vec<String>> {
        let order = Order::parse(Format::Svg, &domain::parse_query(query));
        order.map_err(|invalid| invalid.0.into_iter().map(|issue| issue.path).collect())
    }

    #[test]
    fn orders_are_read_and_every_offence_is_told() {
        let plain = parse("").unwrap();
        assert_eq!((plain.level, plain.size, plain.margin, plain.ink, plain.logo), (Level::M, 512, 4, [0; 3], false));
        let full = parse("fg=%23036&bg=ffeecc&level=q&size=64&margin=0&size=9999").unwrap();
        assert_eq!((full.ink, full.paper, full.level, full.size), ([0, 0x33, 0x66], [0xff, 0xee, 0xcc], Level::Q, 64));
        assert_eq!(parse("logo=1").unwrap().level, Level::H);
        let bad = parse("fg=x&bg=12345&level=Z&size=99999999&margin=-1&logo=maybe").unwrap_err();
        assert_eq!(bad, ["logo", "level", "size", "margin", "fg", "bg"]);
        assert_eq!(parse("logo=1&level=L").unwrap_err(), ["level"]);
    }

    #[test]
    fn what_phones_cannot_read_is_refused() {
        for query in ["fg=fff", "fg=ffffff&bg=000000", "fg=777&bg=888", "bg=333"] {
            assert_eq!(parse(query).unwrap_err(), ["fg"], "{query}");
        }
        assert!(parse("fg=2f6fd0").is_ok());
    }
}
