//! A history's line as it is shown: whole where it is short, else with only those polled records that matter.

use super::number::grouped;

/// Characters that a line may have and still be shown as it is.
const WHOLE: usize = 400;
/// Records shown on each side of one that matters, and at both ends of a list where none does.
const BESIDE: usize = 2;

/// The line with long lists of polled records cut down to those near `offsets`; whether anything was cut.
pub(super) fn shortened(text: &str, offsets: &[i64]) -> (String, bool) {
    let mut out = String::new();
    let mut rest = text;
    let mut cut = false;
    if text.chars().count() > WHOLE {
        while let Some(start) = rest.find(":[[") {
            let (head, list) = rest.split_at(start + ":[[".len());
            // Micro-operations begin with their name, records with their offset.
            let end = if list.starts_with('"') { None } else { list.find("]]") };
            out.push_str(head);
            rest = list;
            let Some(end) = end else { continue };
            let records: Vec<&str> = list[..end].split("],[").collect();
            cut |= cut_list(&mut out, &records, offsets);
            rest = &list[end..];
        }
    }
    out.push_str(rest);
    (out, cut)
}

/// Appends records without the list's outermost brackets, the ones that do not matter as a count.
fn cut_list(out: &mut String, records: &[&str], offsets: &[i64]) -> bool {
    let offset_of =
        |record: &str| record.split(',').next().and_then(|offset| offset.trim().parse::<i64>().ok());
    let matters = |record: &str| {
        offset_of(record).is_some_and(|o| offsets.iter().any(|wanted| o.abs_diff(*wanted) <= BESIDE as u64))
    };
    let none = !records.iter().any(|record| matters(record));
    let shown = |i: usize| {
        if none { i < BESIDE || i + BESIDE >= records.len() } else { matters(records[i]) }
    };
    let mut cut = false;
    let mut i = 0;
    while i < records.len() {
        let skipped = (i..records.len()).take_while(|i| !shown(*i)).count();
        if skipped > 0 {
            cut = true;
            let before = if i > 0 { "],[" } else { "" };
            out.push_str(&format!("{before}… {} more …", grouped(skipped as u64)));
            i += skipped;
            continue;
        }
        if i > 0 {
            out.push_str("],[");
        }
        out.push_str(records[i]);
        i += 1;
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(offsets: std::ops::Range<i64>) -> String {
        let records: Vec<String> = offsets.map(|o| format!("[{o},{}]", o * 10)).collect();
        format!(
            r#"{{"f":"poll","value":[["poll",{{"t-0":[{}]}}]],"position":{{"t-0":9}}}}"#,
            records.join(",")
        )
    }

    #[test]
    fn short_lines_stay_as_they_are() {
        let line = poll(0..3);
        assert_eq!(shortened(&line, &[1]), (line, false));
        let send = format!(r#"{{"f":"send","value":[["send","t-0",[5,{}]]]}}"#, "7".repeat(500));
        assert_eq!(shortened(&send, &[]), (send.clone(), false));
    }

    #[test]
    fn long_polls_show_what_matters() {
        let (text, cut) = shortened(&poll(0..200), &[100]);
        assert!(cut);
        assert_eq!(
            text,
            r#"{"f":"poll","value":[["poll",{"t-0":[[… 98 more …],[98,980],[99,990],[100,1000],[101,1010],[102,1020],[… 97 more …]]}]],"position":{"t-0":9}}"#
        );
        let (text, _) = shortened(&poll(0..200), &[]);
        assert!(text.contains(r#""t-0":[[0,0],[1,10],[… 196 more …],[198,1980],[199,1990]]}"#), "{text}");
        let (text, _) = shortened(&poll(0..200), &[0]);
        assert!(text.contains(r#""t-0":[[0,0],[1,10],[2,20],[… 197 more …]]}"#), "{text}");
    }

    #[test]
    fn what_is_no_json_never_panics() {
        for text in [":[[".repeat(300), ":[[]]".repeat(300), format!("{}:[[1,2]", "ä".repeat(500))] {
            let _ = shortened(&text, &[1]);
        }
    }
}
