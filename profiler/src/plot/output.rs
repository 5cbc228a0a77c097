//! SVG text, PNG bytes, files.

use std::fs;
use std::path::{Path, PathBuf};

use plotters::drawing::IntoDrawingArea;
use plotters::prelude::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Canvas, Drawn, PIXELS, Type, fitted, printable, whole};
use super::legend::{Item, Legend};
use super::style::{INK, MUTED, register};
use super::{Body, Plot, PlotError, curves, plots, waterfalls};
use crate::Profile;

/// `plot` as an SVG document, with its title as what it is called.
///
/// # Errors
/// The drawing library refused.
pub fn svg(plot: &Plot) -> Result<String, PlotError> {
    register()?;
    let sheet = Sheet::of(plot);
    let mut drawn = String::new();
    {
        let area = SVGBackend::with_string(&mut drawn, sheet.pixels()).into_drawing_area();
        let canvas = Canvas {
            area: &area,
            text_drop: 0.0,
        };
        sheet.draw(&canvas)?;
        area.present()
            .map_err(|error| PlotError::Drawing(error.to_string()))?;
    }
    let (width, height) = sheet.pixels();
    let body = drawn.split_once('>').map_or("", |(_, body)| body);
    let title = escaped(&plot.title);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">\n\
         <title>{title}</title>{body}",
        f64::from(width) / PIXELS,
        f64::from(height) / PIXELS,
    ))
}

/// `plot` as a PNG file, two pixels for each of the SVG.
///
/// # Errors
/// The drawing library or the encoder refused.
pub fn png(plot: &Plot) -> Result<Vec<u8>, PlotError> {
    register()?;
    let sheet = Sheet::of(plot);
    let (width, height) = sheet.pixels();
    let mut pixels = vec![0xff; width as usize * height as usize * BYTES_PER_PIXEL];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        let canvas = Canvas {
            area: &area,
            text_drop: PNG_TEXT_DROP,
        };
        sheet.draw(&canvas)?;
        area.present()
            .map_err(|error| PlotError::Drawing(error.to_string()))?;
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(bytes)
}

/// Writes every figure of `profile` and its waterfalls into `dir`: see
/// [`write()`].
///
/// # Errors
/// A figure cannot be drawn or a file cannot be written.
pub fn write_all(profile: &Profile, dir: &Path) -> Result<Vec<PathBuf>, PlotError> {
    let mut all = plots(&profile.nodes);
    all.extend(waterfalls(&profile.nodes));
    write(&all, dir)
}

/// Writes `plots` into `dir`, which is made if need be, as `NAME.svg` and
/// `NAME.png`. What stands there under these names is replaced, each file at
/// once. Waterfalls of another run are removed: their names are numbers only,
/// and would pass for ones of this.
///
/// # Errors
/// A figure cannot be drawn or a file cannot be written.
pub fn write(plots: &[Plot], dir: &Path) -> Result<Vec<PathBuf>, PlotError> {
    fs::create_dir_all(dir).map_err(|source| io(dir, source))?;
    let mut written = Vec::new();
    for plot in plots {
        let svg = svg(plot)?.into_bytes();
        for (extension, bytes) in [("svg", svg), ("png", png(plot)?)] {
            let path = dir.join(format!("{}.{extension}", plot.name));
            replace(&path, &bytes).map_err(|source| io(&path, source))?;
            written.push(path);
        }
    }
    remove_other_waterfalls(dir, &written).map_err(|source| io(dir, source))?;
    Ok(written)
}

fn remove_other_waterfalls(dir: &Path, written: &[PathBuf]) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if is_waterfall(&path) && !written.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Whether `path` is named as the waterfalls are: `waterfall-1-05.svg`.
fn is_waterfall(path: &Path) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let numbers = stem.and_then(|stem| stem.strip_prefix("waterfall-")?.split_once('-'));
    numbers.is_some_and(|(node, lookup)| is_number(node) && is_number(lookup))
        && path.extension().is_some_and(|e| e == "svg" || e == "png")
}

/// Writes `bytes` beside `path` and renames it, so that nobody meets half a
/// file.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    let done = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if done.is_err() {
        let _ = fs::remove_file(&beside);
    }
    done
}

/// `text` for SVG and HTML, in text and in attributes.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(printable(c)),
        }
    }
    safe
}

fn io(path: &Path, source: std::io::Error) -> PlotError {
    let path = path.to_owned();
    PlotError::Io { path, source }
}

/// A plot with title, legend and note, set on its sheet.
struct Sheet<'a> {
    plot: &'a Plot,
    legend: Legend,
    width: f64,
    body_height: f64,
}

impl<'a> Sheet<'a> {
    fn of(plot: &'a Plot) -> Self {
        let (width, body_height) = plot.body.size();
        let legend = Legend::set(plot.body.legend(), width - 2.0 * MARGIN);
        Self {
            plot,
            legend,
            width,
            body_height,
        }
    }

    fn pixels(&self) -> (u32, u32) {
        let note = if self.plot.note.is_empty() { 0.0 } else { NOTE };
        let height = TITLE + self.legend.height() + self.body_height + note;
        let pixels = |units: f64| whole(units * PIXELS).unsigned_abs();
        (pixels(self.width), pixels(height))
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn {
        let room = self.width - 2.0 * MARGIN;
        let how = |size, colour, v| Type {
            size,
            colour,
            anchor: (HPos::Left, v),
        };
        canvas.clear()?;
        let title = fitted(&self.plot.title, 17.0, room);
        let at = (MARGIN, TITLE / 2.0 + 1.0);
        canvas.text(&title, at, how(17.0, INK, VPos::Center))?;
        self.legend.draw(canvas, MARGIN, TITLE)?;
        let top = TITLE + self.legend.height();
        self.plot.body.draw(canvas, top)?;
        let note = fitted(&self.plot.note, 13.0, room);
        let at = (MARGIN, top + self.body_height + NOTE / 2.0 - 1.0);
        canvas.text(&note, at, how(13.0, MUTED, VPos::Center))
    }
}

impl Body {
    fn legend(&self) -> Vec<Item> {
        match self {
            Self::Curves(curves) => curves.legend(),
            Self::Bars(bars) => bars.legend(),
            Self::Waterfall(waterfall) => waterfall.legend(),
            Self::Plane(plane) => plane.legend(),
            Self::Upset(upset) => upset.legend(),
        }
    }

    /// Width and height without title, legend and note.
    fn size(&self) -> (f64, f64) {
        match self {
            Self::Curves(_) => curves::Curves::size(),
            Self::Bars(bars) => bars.size(),
            Self::Waterfall(waterfall) => waterfall.size(),
            Self::Plane(_) => super::Plane::size(),
            Self::Upset(upset) => upset.size(),
        }
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, top: f64) -> Drawn {
        match self {
            Self::Curves(curves) => curves.draw(canvas, top),
            Self::Bars(bars) => bars.draw(canvas, top),
            Self::Waterfall(waterfall) => waterfall.draw(canvas, top),
            Self::Plane(plane) => plane.draw(canvas, top),
            Self::Upset(upset) => upset.draw(canvas, top),
        }
    }
}

const MARGIN: f64 = 14.0;
const TITLE: f64 = 34.0;
const NOTE: f64 = 24.0;
/// Where plotters draws the letters of its `ab_glyph` fonts, and where its SVG
/// has them.
const PNG_TEXT_DROP: f64 = 0.14;

const BYTES_PER_PIXEL: usize = 3;
