//! What a template includes, read from its syntax: names are literal, so the closure is known before anything
//! is rendered.

use super::fault::{BAD_INCLUDE, RenderError, TEMPLATE_SYNTAX};
use super::{engine, limits};
use crate::domain::{Place, RelPath};
use crate::manifest::template::Template;
use crate::repo::{ReadError, Snapshot};
use minijinja::machinery::ast::{Expr, Stmt};
use minijinja::machinery::{Span, parse};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A file that templates include, directly or through others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Include {
    /// Its path from the root.
    pub path: RelPath,
    /// Its text, with `\n` line ends.
    pub text: String,
}

/// Every file that `template` includes, imports or extends, through others too, sorted by path.
///
/// # Errors
/// Every fault of the template and of its includes: syntax, computed names, files that are not there or lie
/// outside the repository.
pub fn closure(
    snapshot: &Snapshot,
    folder: &RelPath,
    template: &Template,
) -> Result<Arc<Vec<Include>>, Vec<RenderError>> {
    let key = format!("includes\0{folder}\0{}", template.text);
    snapshot.once(key, || walked(snapshot, folder, template))
}

fn walked(
    snapshot: &Snapshot,
    folder: &RelPath,
    template: &Template,
) -> Result<Vec<Include>, Vec<RenderError>> {
    let mut found: BTreeMap<RelPath, Include> = BTreeMap::new();
    let mut faults = Vec::new();
    let mut open = vec![template.clone()];
    while let Some(template) = open.pop() {
        let references = match references(&template, folder) {
            Ok(references) => references,
            Err(fault) => {
                faults.push(fault);
                continue;
            }
        };
        for reference in references {
            match resolve(snapshot, folder, &template, &reference) {
                Err(fault) => faults.push(fault),
                Ok(None) => {}
                Ok(Some(path)) if found.contains_key(&path) => {}
                Ok(Some(path)) => {
                    let text = snapshot
                        .once(format!("text\0{path}"), || snapshot.read_text(&path, engine::MAX_TEMPLATE));
                    match text {
                        Err(error) => {
                            faults.push(
                                reference.fault(&template, format!("cannot include `{path}`: {error}")),
                            );
                        }
                        Ok(text) => {
                            let include = Template::whole_file(&path, &text);
                            found.insert(path.clone(), Include { path, text: include.text.clone() });
                            open.push(include);
                        }
                    }
                }
            }
        }
    }
    if faults.is_empty() { Ok(found.into_values().collect()) } else { Err(faults) }
}

/// One `include`, `import`, `from` or `extends`.
struct Reference {
    /// The names it tries, in order; `None` when it is computed.
    names: Option<Vec<String>>,
    /// Whether a missing file is fine.
    optional: bool,
    span: Span,
}

impl Reference {
    fn fault(&self, template: &Template, message: String) -> RenderError {
        let length = if self.span.end_line == self.span.start_line {
            u32::from(self.span.end_col.saturating_sub(self.span.start_col))
        } else {
            1
        };
        let at = template.locate(u32::from(self.span.start_line), u32::from(self.span.start_col) + 1, length);
        RenderError {
            code: BAD_INCLUDE,
            message,
            place: Some(Place::at(&template.path, at)),
            help: Some("write a literal path under the prompts folder".to_owned()),
        }
    }
}

/// The first name that is a file; `None` where a missing file is fine.
fn resolve(
    snapshot: &Snapshot,
    folder: &RelPath,
    template: &Template,
    reference: &Reference,
) -> Result<Option<RelPath>, RenderError> {
    let Some(names) = &reference.names else {
        return Err(reference.fault(template, "the name of an include is computed".to_owned()));
    };
    for name in names {
        let Some(path) = engine::include_path(folder, name) else {
            return Err(reference.fault(template, format!("`{name}` leaves the prompts folder")));
        };
        let readable = format!("readable\0{path}");
        match snapshot.once(readable, || snapshot.read(&path, engine::MAX_TEMPLATE).map(|_| ())) {
            Ok(_) => return Ok(Some(path)),
            Err(ReadError::NotFound) => {}
            Err(error) => return Err(reference.fault(template, format!("cannot include `{name}`: {error}"))),
        }
    }
    if reference.optional {
        return Ok(None);
    }
    Err(reference.fault(template, format!("no such template: {}", names.join(", "))))
}

fn references(template: &Template, folder: &RelPath) -> Result<Vec<Reference>, RenderError> {
    if !template.is_dynamic() {
        return Ok(Vec::new());
    }
    if let Some(excess) = limits::excess(&template.text) {
        return Err(RenderError {
            code: TEMPLATE_SYNTAX,
            message: excess.message.to_owned(),
            place: Some(Place::at(&template.path, template.locate(excess.line, 1, 1))),
            help: Some(excess.help.to_owned()),
        });
    }
    let tree = parse(&template.text, "\0", engine::syntax()).map_err(|error| {
        let mut fault = RenderError::read(&error, Some(template), folder, &|_| None);
        fault.code = TEMPLATE_SYNTAX;
        fault
    })?;
    let mut found = Vec::new();
    walk(std::slice::from_ref(&tree), &mut found);
    Ok(found)
}

fn walk(statements: &[Stmt<'_>], found: &mut Vec<Reference>) {
    for statement in statements {
        match statement {
            Stmt::Template(node) => walk(&node.children, found),
            Stmt::ForLoop(node) => {
                walk(&node.body, found);
                walk(&node.else_body, found);
            }
            Stmt::IfCond(node) => {
                walk(&node.true_body, found);
                walk(&node.false_body, found);
            }
            Stmt::WithBlock(node) => walk(&node.body, found),
            Stmt::SetBlock(node) => walk(&node.body, found),
            Stmt::AutoEscape(node) => walk(&node.body, found),
            Stmt::FilterBlock(node) => walk(&node.body, found),
            Stmt::Block(node) => walk(&node.body, found),
            Stmt::Macro(node) => walk(&node.body, found),
            Stmt::CallBlock(node) => walk(&node.macro_decl.body, found),
            Stmt::Include(node) => found.push(reference(&node.name, node.ignore_missing)),
            Stmt::Import(node) => found.push(reference(&node.expr, false)),
            Stmt::FromImport(node) => found.push(reference(&node.expr, false)),
            Stmt::Extends(node) => found.push(reference(&node.name, false)),
            Stmt::EmitExpr(_)
            | Stmt::EmitRaw(_)
            | Stmt::Set(_)
            | Stmt::Do(_)
            | Stmt::Continue(_)
            | Stmt::Break(_) => {}
        }
    }
}

fn reference(name: &Expr<'_>, optional: bool) -> Reference {
    // A constant expression such as "a" ~ "b" is computed too: only what is written out can be reviewed.
    let literal = |expression: &Expr<'_>| match expression {
        Expr::Const(constant) => constant.value.as_str().map(str::to_owned),
        _ => None,
    };
    let names = match name {
        Expr::List(list) => list.items.iter().map(literal).collect(),
        single => literal(single).map(|name| vec![name]),
    };
    Reference { names, optional, span: name.span() }
}
