//! What an import could not say as its source did, each with its place.

use serde::Serialize;
use std::cell::RefCell;
use std::rc::Rc;

/// What became of something that has no exact counterpart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It is not in the result.
    Dropped,
    /// Something close to it is.
    Approximated,
    /// The source had no effect with its own tool either, and said nothing.
    Ignored,
}

/// One thing that the result does not say as the source did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Loss {
    /// The file that was imported, or one that it names.
    pub path: String,
    /// 1-based line; 0 where the file as a whole is meant.
    pub line: u32,
    /// What became of it.
    pub fate: Fate,
    /// The key or assert.
    pub what: String,
    /// What that means, and what to do.
    pub message: String,
}

/// Where the lines of a text stand in its file.
#[derive(Clone, Copy, Debug)]
enum Lines {
    /// Behind so many others.
    Behind(u32),
    /// All on one, as what was made of a row of a sheet.
    On(u32),
}

/// Collects losses of one file. What it is cloned into, for other files and for texts within one, collects the same.
#[derive(Clone, Debug)]
pub struct Losses {
    path: Rc<str>,
    lines: Lines,
    found: Rc<RefCell<Vec<Loss>>>,
}

impl Losses {
    /// Those of the source itself.
    pub fn new(path: &str) -> Self {
        Self { path: path.into(), lines: Lines::Behind(0), found: Rc::default() }
    }

    /// Those of another file.
    pub fn in_file(&self, path: &str) -> Self {
        Self { path: path.into(), lines: Lines::Behind(0), ..self.clone() }
    }

    /// Those of a text whose first line is this one of the file.
    pub fn starting_at(&self, line: u32) -> Self {
        match self.lines {
            Lines::On(_) => self.clone(),
            Lines::Behind(_) => {
                Self { lines: Lines::Behind(self.line(line).saturating_sub(1)), ..self.clone() }
            }
        }
    }

    /// Those of what was made of one line.
    pub fn on_line(&self, line: u32) -> Self {
        Self { lines: Lines::On(self.line(line)), ..self.clone() }
    }

    /// Everything that was collected, in its order.
    pub fn into_found(self) -> Vec<Loss> {
        self.found.take()
    }

    fn line(&self, line: u32) -> u32 {
        match self.lines {
            Lines::On(line) => line,
            Lines::Behind(_) if line == 0 => 0,
            Lines::Behind(before) => before.saturating_add(line),
        }
    }

    fn add(&self, fate: Fate, line: u32, what: impl Into<String>, message: impl Into<String>) {
        let (path, line) = (self.path.to_string(), self.line(line));
        let loss = Loss { path, line, fate, what: what.into(), message: message.into() };
        let mut found = self.found.borrow_mut();
        if !found.contains(&loss) {
            found.push(loss);
        }
    }

    /// It is not in the result.
    pub fn dropped(&self, line: u32, what: impl Into<String>, message: impl Into<String>) {
        self.add(Fate::Dropped, line, what, message);
    }

    /// Something close to it is.
    pub fn approximated(&self, line: u32, what: impl Into<String>, message: impl Into<String>) {
        self.add(Fate::Approximated, line, what, message);
    }

    /// The source did nothing with it either.
    pub fn ignored(&self, line: u32, what: impl Into<String>, message: impl Into<String>) {
        self.add(Fate::Ignored, line, what, message);
    }
}
