//! Squares that are dark or light, and how they become an image.

use std::fmt::Write as _;

use fast_qr::QRCode;

/// The product's mark.
pub(crate) const MARK: [&str; 5] = ["#...#", "#..#.", "#.#..", "#....", "#####"];
/// From this side on the mark is three times as large; 17 of 73 modules a side are a twentieth of all.
const LARGE: usize = 73;

/// A square of modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    side: usize,
    dark: Vec<bool>,
}

impl Grid {
    pub fn of_code(code: &QRCode) -> Self {
        let side = code.size;
        Self { side, dark: (0..side * side).map(|place| code[place / side][place % side].value()).collect() }
    }

    pub fn of_mark(mark: &[&str; 5]) -> Self {
        let dark = mark.iter().flat_map(|row| row.bytes().map(|byte| byte == b'#')).collect();
        Self { side: mark.len(), dark }.with_margin(1)
    }

    pub fn side(&self) -> u32 {
        u32::try_from(self.side).unwrap_or(u32::MAX)
    }

    /// The same with `margin` light modules around it.
    pub fn with_margin(&self, margin: u32) -> Self {
        let margin = margin as usize;
        let mut wider = Self { side: self.side + 2 * margin, dark: vec![false; (self.side + 2 * margin).pow(2)] };
        wider.put(self, margin, 1);
        wider
    }

    /// Clears the middle and puts the mark there.
    pub fn put_mark(&mut self) {
        let mark = Self::of_mark(&MARK);
        let times = if self.side >= LARGE { 3 } else { 1 };
        self.put(&mark, (self.side - mark.side * times) / 2, times);
    }

    /// Puts `other` with its corner at (`at`, `at`), each of its modules `times` as large.
    fn put(&mut self, other: &Self, at: usize, times: usize) {
        for y in 0..other.side * times {
            for x in 0..other.side * times {
                self.dark[(at + y) * self.side + at + x] = other.dark[y / times * other.side + x / times];
            }
        }
    }

    fn rows(&self) -> impl Iterator<Item = &[bool]> {
        self.dark.chunks(self.side)
    }
}

pub(super) fn svg(grid: &Grid, size: u32, ink: [u8; 3], paper: [u8; 3]) -> String {
    let side = grid.side;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{size}\" height=\"{size}\" viewBox=\"0 0 {side} {side}\" \
         shape-rendering=\"crispEdges\"><path fill=\"{}\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"{}\" d=\"",
        hex(paper),
        hex(ink)
    );
    for (y, row) in grid.rows().enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run[0] {
                let _ = write!(svg, "M{x} {y}h{0}v1h-{0}z", run.len());
            }
            x += run.len();
        }
    }
    svg.push_str("\"/></svg>");
    svg
}

fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Two colours, a bit for each pixel. Modules are whole pixels; what is left over is margin.
pub(crate) fn png(grid: &Grid, size: u32, ink: [u8; 3], paper: [u8; 3]) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size, size);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::One);
    encoder.set_palette([paper, ink].concat());
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&bits(grid, size as usize))?;
    writer.finish()?;
    Ok(file)
}

fn bits(grid: &Grid, size: usize) -> Vec<u8> {
    let scale = (size / grid.side).max(1);
    let start = size.saturating_sub(scale * grid.side) / 2;
    let width = size.div_ceil(8);
    let mut bits = vec![0_u8; width * size];
    for (y, row) in grid.rows().enumerate() {
        let mut line = vec![0_u8; width];
        for x in row.iter().enumerate().filter(|(_, dark)| **dark).flat_map(|(x, _)| start + x * scale..start + (x + 1) * scale) {
            line[x / 8] |= 0x80 >> (x % 8);
        }
        for y in start + y * scale..start + (y + 1) * scale {
            bits[y * width..(y + 1) * width].copy_from_slice(&line);
        }
    }
    bits
}
