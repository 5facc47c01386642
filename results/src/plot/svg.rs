//! A plotters backend that writes small, accessible SVG.
//!
//! plotters' own SVG backend spends about 85 bytes on a dot. Here consecutive shapes of one style become
//! one `<path>`, about 11 bytes a dot, which is what lets sixty thousand dots fit into a megabyte. The document
//! carries a title and a description for screen readers, and names no font that must be installed.

use std::convert::Infallible;
use std::fmt::Write as _;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
    FontTransform,
};

use super::type_width::text_width;

/// Drawing units in a CSS pixel: plotters' integer coordinates would make slow slopes stairs at one to one.
const UNITS_PER_PIXEL: u32 = 2;

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// Writes into a string; the document is complete once [`DrawingBackend::present`] was called.
pub(crate) struct Svg<'a> {
    out: &'a mut String,
    size: (u32, u32),
    run: Option<Run>,
    closed: bool,
}

/// Shapes of one style that follow one another: one `<path>` in the making.
#[derive(PartialEq)]
struct Brush {
    shape: Shape,
    rgb: (u8, u8, u8),
    /// Hundredths.
    alpha: u32,
}

#[derive(PartialEq, Clone, Copy)]
enum Shape {
    Dots { diameter: u32 },
    Strokes { width: u32 },
    Fills,
}

struct Run {
    brush: Brush,
    d: String,
}

impl<'a> Svg<'a> {
    /// Begins a document of this size in drawing units.
    pub(crate) fn new(out: &'a mut String, size: (u32, u32), title: &str, description: &str) -> Svg<'a> {
        let (w, h) = size;
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {w} {h}\" \
             role=\"img\" aria-labelledby=\"title desc\" font-family=\"system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', \
             'DejaVu Sans', Arial, sans-serif\" stroke-linejoin=\"round\">\n<title id=\"title\">",
            w / UNITS_PER_PIXEL,
            h / UNITS_PER_PIXEL,
        );
        escape_into(out, title);
        out.push_str("</title>\n<desc id=\"desc\">");
        escape_into(out, description);
        out.push_str("</desc>\n");
        Svg { out, size, run: None, closed: false }
    }

    /// The path data to append a shape to, in the run of this style.
    fn brush(&mut self, shape: Shape, color: BackendColor) -> &mut String {
        let brush = Brush { shape, rgb: color.rgb, alpha: (color.alpha * 100.0).round() as u32 };
        if self.run.as_ref().is_none_or(|run| run.brush != brush) {
            self.flush();
        }
        &mut self.run.get_or_insert_with(|| Run { brush, d: String::new() }).d
    }

    fn flush(&mut self) {
        let Some(Run { brush, d }) = self.run.take() else { return };
        let color = hex(brush.rgb);
        let _ = match brush.shape {
            Shape::Fills => write!(self.out, "<path fill=\"{color}\""),
            Shape::Strokes { width } => {
                write!(self.out, "<path fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\"")
            }
            Shape::Dots { diameter } => write!(
                self.out,
                "<path fill=\"none\" stroke=\"{color}\" stroke-width=\"{diameter}\" stroke-linecap=\"round\""
            ),
        };
        if brush.alpha < 100 {
            let _ = write!(self.out, " opacity=\"{}\"", f64::from(brush.alpha) / 100.0);
        }
        let _ = writeln!(self.out, " d=\"{d}\"/>");
    }
}

impl DrawingBackend for Svg<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        if !self.closed {
            self.flush();
            self.out.push_str("</svg>\n");
            self.closed = true;
        }
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        let _ = write!(self.brush(Shape::Fills, color), "M{x} {y}h1v1h-1z");
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let d = self.brush(Shape::Strokes { width: style.stroke_width() }, style.color());
        for (i, (x, y)) in path.into_iter().enumerate() {
            let _ = write!(d, "{}{x} {y}", ["M", "L", " "][i.min(2)]);
        }
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (x0, y0): BackendCoord,
        (x1, y1): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let shape = if fill { Shape::Fills } else { Shape::Strokes { width: style.stroke_width() } };
        let (w, h) = (x1 - x0, y1 - y0);
        let _ = write!(self.brush(shape, style.color()), "M{x0} {y0}h{w}v{h}h{}z", -w);
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        if fill {
            let _ = write!(self.brush(Shape::Dots { diameter: 2 * radius }, style.color()), "M{x} {y}h0");
        } else {
            let r = radius as i32;
            let d = self.brush(Shape::Strokes { width: style.stroke_width() }, style.color());
            let _ = write!(d, "M{} {y}a{r} {r} 0 1 0 {} 0a{r} {r} 0 1 0 {} 0", x - r, 2 * r, -2 * r);
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vert: I,
        style: &S,
    ) -> Drawn {
        let d = self.brush(Shape::Fills, style.color());
        for (i, (x, y)) in vert.into_iter().enumerate() {
            let _ = write!(d, "{}{x} {y}", ["M", "L", " "][i.min(2)]);
        }
        d.push('z');
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        self.flush();
        let anchor = match style.anchor().h_pos {
            HPos::Left => "",
            HPos::Right => " text-anchor=\"end\"",
            HPos::Center => " text-anchor=\"middle\"",
        };
        let dy = match style.anchor().v_pos {
            VPos::Top => ".76em",
            VPos::Center => ".35em",
            VPos::Bottom => "-.24em",
        };
        let weight = if matches!(style.style(), FontStyle::Bold) { " font-weight=\"600\"" } else { "" };
        let turn = match style.transform() {
            FontTransform::None => String::new(),
            FontTransform::Rotate90 => format!(" transform=\"rotate(90 {x} {y})\""),
            FontTransform::Rotate180 => format!(" transform=\"rotate(180 {x} {y})\""),
            FontTransform::Rotate270 => format!(" transform=\"rotate(270 {x} {y})\""),
        };
        let _ = write!(
            self.out,
            "<text x=\"{x}\" y=\"{y}\" dy=\"{dy}\" font-size=\"{}\" fill=\"{}\"{anchor}{weight}{turn}>",
            style.size(),
            hex(style.color().rgb),
        );
        escape_into(self.out, text);
        self.out.push_str("</text>\n");
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        Ok((text_width(text, style.size()) as u32, style.size() as u32))
    }
}

impl Drop for Svg<'_> {
    fn drop(&mut self) {
        let _ = self.present();
    }
}

fn hex((r, g, b): (u8, u8, u8)) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

/// XML 1.0 has no way to write most control characters, not even escaped: they become U+FFFD.
fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use plotters::prelude::*;

    use super::*;

    fn drawn(draw: impl FnOnce(&DrawingArea<Svg<'_>, plotters::coord::Shift>)) -> String {
        let mut out = String::new();
        draw(&Svg::new(&mut out, (200, 100), "a title", "what it shows").into_drawing_area());
        out
    }

    #[test]
    fn dots_of_one_colour_share_a_path() {
        let svg = drawn(|area| {
            for x in 0..10 {
                area.draw(&Circle::new((x, 5), 2, RED.filled())).unwrap();
            }
            area.draw(&Circle::new((9, 9), 2, BLUE.filled())).unwrap();
        });
        assert_eq!(svg.matches("<path").count(), 2);
        assert!(svg.contains("M0 5h0M1 5h0"), "{svg}");
        assert!(svg.ends_with("</svg>\n"));
    }

    #[test]
    fn text_is_escaped_and_control_characters_are_replaced() {
        let svg = drawn(|area| {
            let style = TextStyle::from(("sans-serif", 20).into_font());
            area.draw_text("<script>alert('&\u{0}')</script>", &style, (0, 0)).unwrap();
        });
        assert!(!svg.contains("<script"));
        assert!(svg.contains("&lt;script&gt;alert(&#39;&amp;\u{FFFD}&#39;)"), "{svg}");
    }
}
