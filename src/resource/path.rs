//! Paths of values in a document.

use std::fmt;
use std::rc::Rc;

/// The path of a value. It is formatted only when it is shown, because it can be long.
#[derive(Debug, Clone)]
pub(super) struct Path<'d>(Rc<Link<'d>>);

#[derive(Debug)]
enum Link<'d> {
    Document,
    Key(Path<'d>, &'d str),
    Item(Path<'d>, usize),
}

impl<'d> Path<'d> {
    /// The path of the document itself.
    pub(super) fn document() -> Self {
        Path(Rc::new(Link::Document))
    }

    /// The path of the value with this key.
    pub(super) fn key(&self, key: &'d str) -> Self {
        Path(Rc::new(Link::Key(self.clone(), key)))
    }

    /// The path of the item with this index.
    pub(super) fn item(&self, index: usize) -> Self {
        Path(Rc::new(Link::Item(self.clone(), index)))
    }

    /// `spec.match[0].mode`; empty for the document.
    pub(super) fn plain(&self) -> String {
        let (mut links, mut path) = (Vec::new(), self);
        while let Link::Key(parent, _) | Link::Item(parent, _) = &*path.0 {
            links.push(&*path.0);
            path = parent;
        }
        let mut text = String::new();
        for link in links.into_iter().rev() {
            match link {
                Link::Document => {}
                Link::Key(_, key) if text.is_empty() => text.push_str(key),
                Link::Key(_, key) => text.extend([".", key]),
                Link::Item(_, index) => text.push_str(&format!("[{index}]")),
            }
        }
        text
    }
}

/// `` `spec.match[0].mode` ``, or the document.
impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.plain().as_str() {
            "" => f.write_str("the document"),
            path => write!(f, "`{path}`"),
        }
    }
}
