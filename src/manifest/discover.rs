//! Which files of a repository are manifests, each as a tree.

use super::decode::Sink;
use super::files::{MANIFEST_LIMIT, is_glob, tree, unreadable};
use super::yaml::{Kind, Node};
use super::{case_files, secrets};
use crate::domain::{Diagnostic, RelPath};
use crate::repo::Snapshot;
use std::collections::HashSet;

/// A manifest file, parsed.
pub struct Parsed {
    /// Collects its faults.
    pub sink: Sink,
    /// The tree; `None` when it is no YAML.
    pub node: Option<Node>,
    /// The value of `name:` at the top, read from the text where there is no tree.
    pub name: Option<String>,
    /// The value of `prompt:` at the top, read from the text where there is no tree.
    pub prompt: Option<String>,
}

impl Parsed {
    /// The file.
    pub fn path(&self) -> &RelPath {
        self.sink.path()
    }
}

/// The YAML files under `folder`, sorted.
pub fn under(snapshot: &Snapshot, folder: &RelPath, found: &mut Vec<Diagnostic>) -> Vec<RelPath> {
    match snapshot.files_under(folder) {
        Ok(files) => {
            files.into_iter().filter(|file| matches!(file.extension().as_str(), "yaml" | "yml")).collect()
        }
        Err(error) => {
            found.push(unreadable(folder, &error, None));
            Vec::new()
        }
    }
}

/// Parses one manifest file.
pub fn parse(snapshot: &Snapshot, path: &RelPath) -> Parsed {
    let sink = Sink::new(path);
    let text = match snapshot.read_text(path, MANIFEST_LIMIT) {
        Ok(text) => text,
        Err(error) => {
            sink.push(unreadable(path, &error, None));
            return Parsed { sink, node: None, name: None, prompt: None };
        }
    };
    secrets::scan(&text, &sink);
    let node = tree(&text, &sink);
    let top = |key: &str| match &node {
        Some(Node { kind: Kind::Map(items), .. }) => items
            .iter()
            .find(|(have, _)| have.text == key)
            .and_then(|(_, value)| value.as_written().map(str::to_owned)),
        _ => text.lines().find_map(|line| {
            let value = line.strip_prefix(key)?.strip_prefix(':')?;
            let value = value.split(" #").next().unwrap_or("");
            Some(value.trim().trim_matches(['"', '\'']).to_owned())
        }),
    };
    let (name, prompt) = (top("name"), top("prompt"));
    Parsed { sink, node, name, prompt }
}

/// Below so many files the start of a thread costs more than it saves.
const FEW: usize = 64;

/// Parses files on all processors, in the order given.
fn parse_all(snapshot: &Snapshot, paths: &[RelPath]) -> Vec<Parsed> {
    let lanes = std::thread::available_parallelism().map_or(1, usize::from);
    if paths.len() < FEW || lanes < 2 {
        return paths.iter().map(|path| parse(snapshot, path)).collect();
    }
    std::thread::scope(|scope| {
        let lanes: Vec<_> = paths
            .chunks(paths.len().div_ceil(lanes))
            .map(|part| {
                let lane = scope.spawn(|| part.iter().map(|path| parse(snapshot, path)).collect::<Vec<_>>());
                (part, lane)
            })
            .collect();
        lanes
            .into_iter()
            // A thread that could not finish is no reason to lose its files: they are read here.
            .flat_map(|(part, lane)| {
                lane.join().unwrap_or_else(|_| part.iter().map(|path| parse(snapshot, path)).collect())
            })
            .collect()
    })
}

/// Parses the manifests under `folder`. Files that one of them names as something else are left out: the cases
/// of a suite are no suite, the tools of a prompt are no prompt.
pub fn manifests(
    snapshot: &Snapshot,
    folder: &RelPath,
    found: &mut Vec<Diagnostic>,
    named: impl Fn(&Snapshot, &RelPath, &Node) -> Vec<RelPath>,
) -> Vec<Parsed> {
    let files = parse_all(snapshot, &under(snapshot, folder, found));
    let others: HashSet<RelPath> = files
        .iter()
        .filter_map(|file| Some((file, file.node.as_ref()?)))
        .flat_map(|(file, node)| {
            named(snapshot, file.path(), node).into_iter().filter(|path| path != file.path())
        })
        .collect();
    files.into_iter().filter(|file| !others.contains(file.path())).collect()
}

/// What a suite names as its cases.
pub fn cases_of(snapshot: &Snapshot, suite: &RelPath, node: &Node) -> Vec<RelPath> {
    child(node, "cases").map(|cases| case_files::named(snapshot, suite, cases)).unwrap_or_default()
}

/// What a prompt names as tools, schema or examples.
pub fn parts_of(_: &Snapshot, prompt: &RelPath, node: &Node) -> Vec<RelPath> {
    let mut texts: Vec<&str> = Vec::new();
    if let Some(Node { kind: Kind::List(items), .. }) = child(node, "tools") {
        texts.extend(items.iter().filter_map(|item| item.as_written()));
    }
    texts.extend(child(node, "output").and_then(|output| child(output, "schema")).and_then(Node::as_written));
    texts.extend(child(node, "few_shot").and_then(Node::as_written));
    texts.into_iter().filter(|text| !is_glob(text)).filter_map(|text| prompt.sibling(text)).collect()
}

fn child<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match &node.kind {
        Kind::Map(items) => items.iter().find(|(have, _)| have.text == key).map(|(_, value)| value.as_ref()),
        _ => None,
    }
}
