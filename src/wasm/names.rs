//! The names of functions, from the name section.

use std::collections::BTreeMap;

use wasmparser::BinaryReader;

/// The names by function index; `None` if the section can't be read.
///
/// As in the proxies, names that aren't UTF-8 or out of order are accepted, and wrong lengths are not.
pub(super) fn read(content: &[u8]) -> Option<BTreeMap<u32, String>> {
    const FUNCTIONS: u8 = 1;
    let mut names = BTreeMap::new();
    let mut section = BinaryReader::new(content, 0);
    while !section.eof() {
        let id = section.read_u8().ok()?;
        let subsection = sized(&mut section)?;
        if id == FUNCTIONS {
            read_functions(BinaryReader::new(subsection, 0), &mut names)?;
        }
    }
    Some(names)
}

fn read_functions(mut functions: BinaryReader<'_>, names: &mut BTreeMap<u32, String>) -> Option<()> {
    for _ in 0..functions.read_var_u32().ok()? {
        let index = functions.read_var_u32().ok()?;
        let name = sized(&mut functions)?;
        names.insert(index, String::from_utf8_lossy(name).into_owned());
    }
    functions.eof().then_some(())
}

fn sized<'a>(reader: &mut BinaryReader<'a>) -> Option<&'a [u8]> {
    let size = reader.read_var_u32().ok()?;
    reader.read_bytes(usize::try_from(size).ok()?).ok()
}
