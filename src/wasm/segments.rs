//! Segments, which an engine copies into a memory or a table before any code runs.

use wasmparser::{
    ConstExpr, DataKind, DataSectionReader, Element, ElementItems, ElementKind, ElementSectionReader,
    Operator, Result,
};

/// A segment that is copied to a known offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub kind: SegmentKind,
    /// The index among the segments of its kind.
    pub index: u32,
    /// The index of the memory or the table.
    pub target: u32,
    /// In bytes or in entries.
    pub offset: u64,
    /// In bytes or in entries.
    pub length: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentKind {
    /// For a memory.
    Data,
    /// For a table.
    Element,
}

/// The initial values of the globals that are known, by their index.
pub(super) type Globals = Vec<Option<u64>>;

pub(super) fn data(section: DataSectionReader<'_>, globals: &Globals) -> Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for (index, segment) in (0..).zip(section) {
        let segment = segment?;
        if let DataKind::Active { memory_index, offset_expr } = segment.kind
            && let Some(offset) = value(&offset_expr, globals)
        {
            let length = segment.data.len() as u64;
            segments.push(Segment { kind: SegmentKind::Data, index, target: memory_index, offset, length });
        }
    }
    Ok(segments)
}

pub(super) fn elements(section: ElementSectionReader<'_>, globals: &Globals) -> Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for (index, segment) in (0..).zip(section) {
        let segment = segment?;
        if let ElementKind::Active { table_index, offset_expr } = segment.kind
            && let Some(offset) = value(&offset_expr, globals)
        {
            let length = match segment.items {
                ElementItems::Functions(items) => items.count(),
                ElementItems::Expressions(_, items) => items.count(),
            };
            let (kind, target) = (SegmentKind::Element, table_index.unwrap_or_default());
            segments.push(Segment { kind, index, target, offset, length: length.into() });
        }
    }
    Ok(segments)
}

pub(super) fn has_passive(section: ElementSectionReader<'_>) -> Result<bool> {
    let is_passive = |segment: Result<Element<'_>>| Ok(matches!(segment?.kind, ElementKind::Passive));
    section.into_iter().try_fold(false, |found, segment| Ok(found || is_passive(segment)?))
}

/// The value of a constant expression of integers. `None` if it depends on an imported global, or has another type.
pub(super) fn value(expression: &ConstExpr<'_>, globals: &Globals) -> Option<u64> {
    let mut stack = Vec::new();
    for operator in expression.get_operators_reader() {
        let value = match operator.ok()? {
            Operator::I32Const { value } => value.cast_unsigned().into(),
            Operator::I64Const { value } => value.cast_unsigned(),
            Operator::GlobalGet { global_index } => (*globals.get(usize::try_from(global_index).ok()?)?)?,
            Operator::End => continue,
            operator => {
                let (second, first): (u64, u64) = (stack.pop()?, stack.pop()?);
                match operator {
                    Operator::I32Add => low(first.wrapping_add(second)),
                    Operator::I32Sub => low(first.wrapping_sub(second)),
                    Operator::I32Mul => low(first.wrapping_mul(second)),
                    Operator::I64Add => first.wrapping_add(second),
                    Operator::I64Sub => first.wrapping_sub(second),
                    Operator::I64Mul => first.wrapping_mul(second),
                    _ => return None,
                }
            }
        };
        stack.push(value);
    }
    stack.pop()
}

/// The low 32 bits.
fn low(value: u64) -> u64 {
    value & u64::from(u32::MAX)
}
