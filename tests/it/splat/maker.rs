//! PLY files made number by number, in any encoding.

use sora_director::splat::Splats;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoding {
    Ascii,
    Little,
    Big,
}

/// A value of a row.
#[derive(Clone, Debug)]
pub enum Cell {
    One(f64),
    List(Vec<f64>),
}

#[derive(Clone, Debug)]
pub struct Element {
    pub name: String,
    /// Type and name, such as `float` and `x`, or `list uchar int` and `vertex_indices`.
    pub properties: Vec<(String, String)>,
    pub rows: Vec<Vec<Cell>>,
}

impl Element {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            properties: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// The splats as 3D Gaussian splatting's files have them, all floats.
    pub fn vertex(splats: &Splats) -> Self {
        let k = splats.coefficients();
        let mut out = Self::new("vertex");
        out.rows = vec![Vec::new(); splats.len()];
        for c in 0..3 {
            out = out.with("float", ["x", "y", "z"][c], |i| {
                f64::from(splats.positions[i][c])
            });
        }
        for c in 0..3 {
            out = out.with("float", &format!("f_dc_{c}"), |i| {
                f64::from(splats.sh[i * k][c])
            });
        }
        for at in 0..3 * (k - 1) {
            let (c, j) = (at / (k - 1), at % (k - 1));
            out = out.with("float", &format!("f_rest_{at}"), |i| {
                f64::from(splats.sh[i * k + 1 + j][c])
            });
        }
        out = out.with("float", "opacity", |i| f64::from(splats.opacity_logits[i]));
        for c in 0..3 {
            out = out.with("float", &format!("scale_{c}"), |i| {
                f64::from(splats.log_scales[i][c])
            });
        }
        for c in 0..4 {
            out = out.with("float", &format!("rot_{c}"), |i| {
                f64::from(splats.rotations[i][c])
            });
        }
        out
    }

    /// With one more property, last.
    pub fn with(mut self, kind: &str, name: &str, value: impl Fn(usize) -> f64) -> Self {
        self.properties.push((kind.into(), name.into()));
        for (i, row) in self.rows.iter_mut().enumerate() {
            row.push(Cell::One(value(i)));
        }
        self
    }

    /// With one more property that is a list, last.
    pub fn with_list(mut self, kind: &str, name: &str, value: impl Fn(usize) -> Vec<f64>) -> Self {
        self.properties.push((kind.into(), name.into()));
        for (i, row) in self.rows.iter_mut().enumerate() {
            row.push(Cell::List(value(i)));
        }
        self
    }

    /// Without the properties that begin so.
    pub fn without(mut self, prefix: &str) -> Self {
        while let Some(at) = self.properties.iter().position(|p| p.1.starts_with(prefix)) {
            self.properties.remove(at);
            self.rows.iter_mut().for_each(|row| drop(row.remove(at)));
        }
        self
    }

    /// With the type of the properties that begin so changed.
    pub fn typed(mut self, prefix: &str, kind: &str) -> Self {
        for property in &mut self.properties {
            if property.1.starts_with(prefix) {
                property.0 = kind.into();
            }
        }
        self
    }

    /// With the properties in the order that `key` sorts them into.
    pub fn sorted<K: Ord>(mut self, key: impl Fn(&str) -> K) -> Self {
        let mut order: Vec<usize> = (0..self.properties.len()).collect();
        order.sort_by_key(|i| key(&self.properties[*i].1));
        self.properties = order.iter().map(|i| self.properties[*i].clone()).collect();
        for row in &mut self.rows {
            *row = order.iter().map(|i| row[*i].clone()).collect();
        }
        self
    }

    pub fn set(&mut self, row: usize, name: &str, value: f64) {
        let at = self.properties.iter().position(|p| p.1 == name);
        self.rows[row][at.expect("a property")] = Cell::One(value);
    }
}

/// A file of these elements.
pub struct Maker {
    pub encoding: Encoding,
    pub line_end: &'static str,
    /// Whole lines of the header, without their ends.
    pub comments: Vec<Vec<u8>>,
    pub elements: Vec<Element>,
}

impl Maker {
    pub fn new(encoding: Encoding, elements: Vec<Element>) -> Self {
        Self {
            encoding,
            line_end: "\n",
            comments: Vec::new(),
            elements,
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let end = self.line_end.as_bytes();
        let format = match self.encoding {
            Encoding::Ascii => "ascii",
            Encoding::Little => "binary_little_endian",
            Encoding::Big => "binary_big_endian",
        };
        let mut lines = vec![b"ply".to_vec(), format!("format {format} 1.0").into_bytes()];
        lines.extend(self.comments.iter().cloned());
        for element in &self.elements {
            lines.push(format!("element {} {}", element.name, element.rows.len()).into_bytes());
            for (kind, name) in &element.properties {
                lines.push(format!("property {kind} {name}").into_bytes());
            }
        }
        lines.push(b"end_header".to_vec());
        let mut out: Vec<u8> = lines
            .iter()
            .flat_map(|line| [line.as_slice(), end].concat())
            .collect();
        for element in &self.elements {
            for row in &element.rows {
                self.row(element, row, &mut out);
            }
        }
        out
    }

    fn row(&self, element: &Element, row: &[Cell], out: &mut Vec<u8>) {
        let mut words = Vec::new();
        for ((kind, _), cell) in element.properties.iter().zip(row) {
            let kinds: Vec<&str> = kind.split(' ').collect();
            match cell {
                Cell::One(value) => self.number(kinds[0], *value, &mut words, out),
                Cell::List(values) => {
                    self.number(kinds[1], values.len() as f64, &mut words, out);
                    for value in values {
                        self.number(kinds[2], *value, &mut words, out);
                    }
                }
            }
        }
        if self.encoding == Encoding::Ascii {
            out.extend(words.join(" ").into_bytes());
            out.extend(self.line_end.as_bytes());
        }
    }

    fn number(&self, kind: &str, v: f64, words: &mut Vec<String>, out: &mut Vec<u8>) {
        let bytes = match kind {
            "char" | "int8" => (v as i8).to_le_bytes().to_vec(),
            "uchar" | "uint8" => (v as u8).to_le_bytes().to_vec(),
            "short" | "int16" => (v as i16).to_le_bytes().to_vec(),
            "ushort" | "uint16" => (v as u16).to_le_bytes().to_vec(),
            "int" | "int32" => (v as i32).to_le_bytes().to_vec(),
            "uint" | "uint32" => (v as u32).to_le_bytes().to_vec(),
            "half" | "float16" => half::f16::from_f64(v).to_le_bytes().to_vec(),
            "float" | "float32" => (v as f32).to_le_bytes().to_vec(),
            "double" | "float64" => v.to_le_bytes().to_vec(),
            other => panic!("{other}"),
        };
        match self.encoding {
            Encoding::Ascii if kind.starts_with("float") => words.push((v as f32).to_string()),
            Encoding::Ascii => words.push(v.to_string()),
            Encoding::Little => out.extend(bytes),
            Encoding::Big => out.extend(bytes.into_iter().rev()),
        }
    }
}
