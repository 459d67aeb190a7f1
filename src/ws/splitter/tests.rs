use super::*;

const LIMIT: usize = 300;

/// A frame of a client.
fn frame(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ ..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length @ ..65536 => {
            frame.push(0xfe);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(0xff);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    let masked = payload.iter().zip(mask.iter().cycle());
    frame.extend(masked.map(|(byte, key)| byte ^ key));
    frame
}

/// Messages, control frames among them, as a server reads them: opcode and payload.
fn messages(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let (mut messages, mut open) = (Vec::new(), None);
    while !bytes.is_empty() {
        let header = (2..=14).find_map(|end| {
            let header = bytes.get(..end)?;
            payload_length(header).map(|length| (end, usize::try_from(length).unwrap()))
        });
        let (end, length) = header.unwrap();
        let mask: [u8; 4] = *bytes[..end].last_chunk().unwrap();
        let (first, masked) = (bytes[0], &bytes[end..end + length]);
        bytes = &bytes[end + length..];
        let plain = masked.iter().zip(mask.iter().cycle());
        let plain: Vec<u8> = plain.map(|(byte, key)| byte ^ key).collect();
        let (opcode, mut payload) = match first & OPCODE {
            CONTINUATION => open.take().unwrap(),
            opcode => (opcode, Vec::new()),
        };
        payload.extend(plain);
        if first & FIN == 0 {
            open = Some((opcode, payload));
        } else {
            messages.push((opcode, payload));
        }
    }
    assert!(open.is_none());
    messages
}

fn split(input: &[u8], step: usize) -> Vec<(u8, Vec<u8>)> {
    let (mut splitter, mut out) = (MessageSplitter::new(LIMIT), Vec::new());
    for bytes in input.chunks(step) {
        splitter.split(bytes, &mut out);
    }
    messages(&out)
}

fn joined(pieces: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let payloads = pieces.iter().flat_map(|(_, piece)| piece);
    payloads.copied().collect()
}

fn text(bytes: usize) -> Vec<u8> {
    let characters = "aß€😀".repeat(bytes / 10);
    format!("{characters}{}", "x".repeat(bytes - characters.len())).into_bytes()
}

#[test]
fn messages_up_to_the_limit_pass_as_they_are() {
    for (opcode, length) in [
        (TEXT, 0),
        (TEXT, 125),
        (BINARY, 126),
        (TEXT, LIMIT),
        (BINARY, LIMIT),
    ] {
        let payload = text(length);
        let frame = frame(FIN | opcode, &payload, [1, 2, 3, 4]);
        for step in [1, 3, 1000] {
            let mut out = Vec::new();
            let mut splitter = MessageSplitter::new(LIMIT);
            frame
                .chunks(step)
                .for_each(|bytes| splitter.split(bytes, &mut out));
            assert_eq!(out, frame);
        }
    }
}

#[test]
fn larger_ones_come_in_binary_pieces_below_the_limit() {
    for length in [LIMIT + 1, 2 * LIMIT, 70_000] {
        for (opcode, step) in [(TEXT, 1), (BINARY, 7), (TEXT, 1024)] {
            let payload = text(length);
            let mut input = frame(FIN | opcode, &payload, [9, 8, 7, 6]);
            input.extend(frame(FIN | TEXT, b"after", [1; 4]));
            let mut pieces = split(&input, step);
            assert_eq!(pieces.pop(), Some((TEXT, b"after".to_vec())));
            for (opcode, piece) in &pieces {
                assert!(*opcode == BINARY && piece.len() <= LIMIT);
            }
            assert_eq!(joined(&pieces), payload);
        }
    }
}

/// Every size of fragment, so that text is split at each byte of a character.
#[test]
fn fragments_are_cut_behind_whole_characters_and_control_frames_pass_between() {
    for size in 1..120 {
        for opcode in [TEXT, BINARY] {
            let payload = text(1000);
            let fragments: Vec<_> = payload.chunks(size).collect();
            let mut input = Vec::new();
            for (index, fragment) in fragments.iter().enumerate() {
                let is_last = index + 1 == fragments.len();
                let fin = if is_last { FIN } else { 0 };
                let opcode = if index == 0 { opcode } else { CONTINUATION };
                input.extend(frame(fin | opcode, fragment, [index as u8, 5, 99, 200]));
                input.extend(frame(FIN | 9, b"ping", [7; 4]));
                // An empty fragment, or behind the message another ping.
                let empty = if is_last { FIN | 9 } else { 0 };
                input.extend(frame(empty, b"", [3; 4]));
            }
            let (pings, pieces): (Vec<_>, Vec<_>) = split(&input, 1 + size % 5)
                .into_iter()
                .partition(|(opcode, _)| *opcode == 9);
            assert_eq!(pings.len(), fragments.len() + 1);
            assert_eq!(joined(&pieces), payload, "{size}");
            for (opcode, piece) in pieces {
                assert!(piece.len() <= LIMIT);
                let is_whole = opcode == BINARY || str::from_utf8(&piece).is_ok();
                assert!(is_whole, "{size}");
            }
        }
    }
}

#[test]
fn what_breaks_the_rules_is_passed_on() {
    let mut unmasked = vec![FIN | BINARY, 126, 1, 200];
    unmasked.extend([0; 456]);
    let reserved = frame(FIN | 0x40 | BINARY, &[1; 400], [1; 4]);
    let unknown = frame(FIN | 3, &[1; 400], [1; 4]);
    let stray = frame(FIN, &[1; 400], [1; 4]);
    let endless = [&[FIN | BINARY, 0xff, 0x80][..], &[0; 7], &[7; 6]].concat();
    for input in [unmasked, reserved, unknown, stray, endless] {
        let (mut splitter, mut out) = (MessageSplitter::new(LIMIT), Vec::new());
        splitter.split(&input, &mut out);
        assert_eq!(out, input);
    }
}
