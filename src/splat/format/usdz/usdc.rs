//! Crate files (`.usdc`), the binary layers of OpenUSD: arrays lie in them as they do in memory, and readers map them.

/// Version 0.8.0 of the format, which OpenUSD itself still writes for such layers and every reader knows.
const VERSION: [u8; 8] = [0, 8, 0, 0, 0, 0, 0, 0];
/// Magic, version, where the contents are listed, and eight spare words.
const HEAD: usize = 8 + 8 + 8 + 64;
/// Readers take arrays in place where they lie at multiples of this.
const ALIGN: usize = 8;

const ARRAY: u64 = 1 << 63;
const INLINED: u64 = 1 << 62;

/// A value as a field has it: its type, and itself or where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value(u64);

impl Value {
    fn inlined(kind: u64, payload: u32) -> Self {
        Self(INLINED | kind << 48 | u64::from(payload))
    }

    /// An `int`.
    pub fn int(value: i32) -> Self {
        Self::inlined(3, value.cast_unsigned())
    }

    /// A `double` that 32 bits hold exactly.
    pub fn double(value: f32) -> Self {
        Self::inlined(9, value.to_bits())
    }

    /// `def`: the prim is not only an opinion on another.
    fn def() -> Self {
        Self::inlined(42, 0)
    }

    /// `uniform`: the same at all times.
    fn uniform() -> Self {
        Self::inlined(44, 1)
    }
}

/// Types of array elements.
#[derive(Clone, Copy, Debug)]
pub(super) enum Element {
    Int = 3,
    Float = 8,
    Quatf = 17,
    Vec3f = 24,
}

/// An attribute of a prim.
pub(super) struct Attribute {
    pub name: &'static str,
    /// As the text format writes it, such as `float3[]`.
    pub type_name: &'static str,
    pub value: Value,
    pub uniform: bool,
    /// What is said of it besides.
    pub metadata: Vec<(&'static str, Value)>,
}

impl Attribute {
    /// One that may vary over time, without anything said besides.
    pub fn new(name: &'static str, type_name: &'static str, value: Value) -> Self {
        Self {
            name,
            type_name,
            value,
            uniform: false,
            metadata: Vec::new(),
        }
    }

    /// One that is the same at all times.
    pub fn uniform(name: &'static str, type_name: &'static str, value: Value) -> Self {
        Self {
            uniform: true,
            ..Self::new(name, type_name, value)
        }
    }
}

/// A prim, with all that is below it.
pub(super) struct Prim {
    pub name: &'static str,
    pub type_name: &'static str,
    pub metadata: Vec<(&'static str, Value)>,
    pub attributes: Vec<Attribute>,
    pub children: Vec<Prim>,
}

/// What a path stands for.
#[derive(Clone, Copy)]
enum Spec {
    Attribute = 1,
    Prim = 6,
    Layer = 7,
}

/// A layer that grows: its arrays first, then the tree.
pub(super) struct Layer {
    bytes: Vec<u8>,
    tokens: Vec<String>,
    /// Token and value of each field.
    fields: Vec<(u32, Value)>,
    /// Fields of each spec in turn, each followed by -1.
    sets: Vec<i32>,
    /// For each path of the tree, depth first: its last element (negative for an attribute), and how to go on.
    elements: Vec<i32>,
    jumps: Vec<i32>,
    /// Where each path's fields begin, and what it is.
    specs: Vec<(i32, Spec)>,
}

impl Layer {
    /// An empty layer with room for so many bytes of arrays.
    ///
    /// # Errors
    /// In words: no memory.
    pub fn new(capacity: usize) -> Result<Self, String> {
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(capacity)
            .map_err(|_| format!("{capacity} bytes of values do not fit the memory"))?;
        bytes.resize(HEAD, 0);
        Ok(Self {
            bytes,
            // An attribute is known by a negative token, so that none may have the first.
            tokens: vec![String::new()],
            fields: Vec::new(),
            sets: Vec::new(),
            elements: Vec::new(),
            jumps: Vec::new(),
            specs: Vec::new(),
        })
    }

    /// An array of 4-byte numbers, `N` an element.
    pub fn array<const N: usize, T: bytemuck::Pod>(
        &mut self,
        element: Element,
        values: impl ExactSizeIterator<Item = [T; N]>,
    ) -> Value {
        let kind = ARRAY | (element as u64) << 48;
        if values.len() == 0 {
            return Value(kind);
        }
        let start = self.align();
        self.bytes
            .extend_from_slice(&(values.len() as u64).to_le_bytes());
        for value in values {
            self.bytes.extend_from_slice(bytemuck::bytes_of(&value));
        }
        Value(kind | start)
    }

    /// A `token`.
    pub fn token(&mut self, name: &str) -> Value {
        Value::inlined(11, self.index(name))
    }

    /// Tokens put before those of weaker layers.
    pub fn prepended(&mut self, names: &[&str]) -> Value {
        let start = self.align();
        self.bytes.push(1 << 5);
        self.list(names);
        Value(32 << 48 | start)
    }

    /// An ordered list of names.
    fn names(&mut self, names: &[&str]) -> Value {
        let start = self.align();
        self.list(names);
        Value(41 << 48 | start)
    }

    fn list(&mut self, names: &[&str]) {
        self.bytes
            .extend_from_slice(&(names.len() as u64).to_le_bytes());
        for name in names {
            let index = self.index(name);
            self.bytes.extend_from_slice(&index.to_le_bytes());
        }
    }

    fn align(&mut self) -> u64 {
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ALIGN), 0);
        self.bytes.len() as u64
    }

    fn index(&mut self, name: &str) -> u32 {
        let at = self.tokens.iter().position(|t| t == name);
        at.unwrap_or_else(|| {
            self.tokens.push(name.to_owned());
            self.tokens.len() - 1
        }) as u32
    }

    /// The layer's bytes, with what is said of it as a whole and the prim that stands for it.
    pub fn finish(mut self, mut metadata: Vec<(&'static str, Value)>, root: &Prim) -> Vec<u8> {
        metadata.push(("defaultPrim", self.token(root.name)));
        metadata.push(("primChildren", self.names(&[root.name])));
        self.path("", Spec::Layer, metadata);
        self.jumps.push(-1);
        self.prim(root, true);
        self.sections()
    }

    fn prim(&mut self, prim: &Prim, last: bool) {
        let mut fields = vec![
            ("specifier", Value::def()),
            ("typeName", self.token(prim.type_name)),
        ];
        fields.extend_from_slice(&prim.metadata);
        if !prim.attributes.is_empty() {
            let names: Vec<&str> = prim.attributes.iter().map(|a| a.name).collect();
            fields.push(("properties", self.names(&names)));
        }
        if !prim.children.is_empty() {
            let names: Vec<&str> = prim.children.iter().map(|c| c.name).collect();
            fields.push(("primChildren", self.names(&names)));
        }
        self.path(prim.name, Spec::Prim, fields);
        let at = self.jumps.len();
        self.jumps.push(0);
        let below = prim.children.len() + prim.attributes.len();
        for (i, child) in prim.children.iter().enumerate() {
            self.prim(child, i + 1 == below);
        }
        for (i, attribute) in prim.attributes.iter().enumerate() {
            self.attribute(attribute, prim.children.len() + i + 1 == below);
        }
        // What is below a path comes next; a positive number leads past it to the path's next sibling.
        self.jumps[at] = match (below > 0, last) {
            (true, false) => (self.jumps.len() - at) as i32,
            (true, true) => -1,
            (false, false) => 0,
            (false, true) => -2,
        };
    }

    fn attribute(&mut self, attribute: &Attribute, last: bool) {
        let mut fields = vec![("typeName", self.token(attribute.type_name))];
        if attribute.uniform {
            fields.push(("variability", Value::uniform()));
        }
        fields.extend_from_slice(&attribute.metadata);
        fields.push(("default", attribute.value));
        self.path(attribute.name, Spec::Attribute, fields);
        self.jumps.push(if last { -2 } else { 0 });
    }

    /// Adds the next path, without its jump.
    fn path(&mut self, name: &str, spec: Spec, fields: Vec<(&'static str, Value)>) {
        let element = self.index(name) as i32;
        self.elements.push(match spec {
            Spec::Attribute => -element,
            Spec::Prim | Spec::Layer => element,
        });
        self.specs.push((self.sets.len() as i32, spec));
        for (field, value) in fields {
            let token = self.index(field);
            self.sets.push(self.fields.len() as i32);
            self.fields.push((token, value));
        }
        self.sets.push(-1);
    }

    /// The tables behind the arrays, and the list of them that the head leads to.
    fn sections(mut self) -> Vec<u8> {
        let out = &mut self.bytes;
        let count = |out: &mut Vec<u8>, n: usize| out.extend_from_slice(&(n as u64).to_le_bytes());
        let mut contents = Vec::new();
        let mut section = |out: &mut Vec<u8>, name: &str, write: &dyn Fn(&mut Vec<u8>)| {
            let start = out.len();
            write(out);
            let mut entry = [0; 16];
            entry[..name.len()].copy_from_slice(name.as_bytes());
            contents.extend_from_slice(&entry);
            contents.extend_from_slice(&(start as u64).to_le_bytes());
            contents.extend_from_slice(&((out.len() - start) as u64).to_le_bytes());
        };
        section(out, "TOKENS", &|out| {
            let mut text = Vec::new();
            for token in &self.tokens {
                text.extend_from_slice(token.as_bytes());
                text.push(0);
            }
            count(out, self.tokens.len());
            count(out, text.len());
            packed(out, &text);
        });
        section(out, "STRINGS", &|out| count(out, 0));
        section(out, "FIELDS", &|out| {
            let tokens: Vec<i32> = self.fields.iter().map(|f| f.0 as i32).collect();
            let values: Vec<u64> = self.fields.iter().map(|f| f.1.0).collect();
            count(out, self.fields.len());
            integers(out, &tokens);
            packed(out, bytemuck::cast_slice(&values));
        });
        section(out, "FIELDSETS", &|out| {
            count(out, self.sets.len());
            integers(out, &self.sets);
        });
        let paths: Vec<i32> = (0..self.elements.len() as i32).collect();
        section(out, "PATHS", &|out| {
            count(out, paths.len());
            count(out, paths.len());
            integers(out, &paths);
            integers(out, &self.elements);
            integers(out, &self.jumps);
        });
        section(out, "SPECS", &|out| {
            let sets: Vec<i32> = self.specs.iter().map(|s| s.0).collect();
            let kinds: Vec<i32> = self.specs.iter().map(|s| s.1 as i32).collect();
            count(out, paths.len());
            integers(out, &paths);
            integers(out, &sets);
            integers(out, &kinds);
        });
        let start = out.len() as u64;
        count(out, contents.len() / 32);
        out.extend_from_slice(&contents);
        out[..8].copy_from_slice(b"PXR-USDC");
        out[8..16].copy_from_slice(&VERSION);
        out[16..24].copy_from_slice(&start.to_le_bytes());
        self.bytes
    }
}

/// Appends bytes as the format packs them, with the packed length before them: blocks of LZ4, here one that is taken as
/// it is. The tables are small, so that nothing is won by more.
fn packed(out: &mut Vec<u8>, bytes: &[u8]) {
    // No blocks besides the one; then its literals, and their number in what LZ4 calls a token.
    let mut block = vec![0];
    match bytes.len().checked_sub(15) {
        None => block.push((bytes.len() as u8) << 4),
        Some(rest) => {
            block.push(0xF0);
            block.resize(block.len() + rest / 255, 255);
            block.push((rest % 255) as u8);
        }
    }
    block.extend_from_slice(bytes);
    out.extend_from_slice(&(block.len() as u64).to_le_bytes());
    out.extend_from_slice(&block);
}

/// Appends integers as the format packs them: steps from one to the next, the most frequent of them once for all, and of
/// the others as many bytes as they need.
fn integers(out: &mut Vec<u8>, values: &[i32]) {
    let steps: Vec<i32> = values
        .iter()
        .scan(0i32, |before, value| {
            let step = value.wrapping_sub(*before);
            *before = *value;
            Some(step)
        })
        .collect();
    let mut sorted = steps.clone();
    sorted.sort_unstable();
    let common = sorted
        .chunk_by(|a, b| a == b)
        .max_by_key(|run| run.len())
        .and_then(|run| run.first())
        .copied()
        .unwrap_or(0);
    // Two bits a number say how it is kept.
    let mut codes = vec![0u8; values.len().div_ceil(4)];
    let mut kept = Vec::new();
    for (i, step) in steps.iter().enumerate() {
        let code = if *step == common {
            0
        } else if let Ok(byte) = i8::try_from(*step) {
            kept.extend_from_slice(&byte.to_le_bytes());
            1
        } else if let Ok(short) = i16::try_from(*step) {
            kept.extend_from_slice(&short.to_le_bytes());
            2
        } else {
            kept.extend_from_slice(&step.to_le_bytes());
            3
        };
        codes[i / 4] |= code << (2 * (i % 4));
    }
    let mut all = common.to_le_bytes().to_vec();
    all.extend_from_slice(&codes);
    all.extend_from_slice(&kept);
    packed(out, &all);
}
