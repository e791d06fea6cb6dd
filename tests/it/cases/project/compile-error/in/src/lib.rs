fn broken() -> u8 {
    ""
}
