// What is around every page: navigation, search, style, the one script. Does not know what a page is about.
import Reporting

/// A page's own part, and how deep it lies, so that its links work from a folder as well as from a server.
struct PageFrame {
    let title: String
    let workspace: String
    /// `index`, `runs`, …: which entry of the navigation it belongs to.
    let section: String
    /// Folders between the page and the first one.
    let depth: Int
    /// False for files in a folder, which nobody keeps up to date.
    let isServed: Bool

    var root: String { String(repeating: "../", count: depth) }

    private static let sections = [
        ("index", "Overview"), ("runs", "Runs"), ("components", "Components"), ("graph", "Graph"),
        ("contracts", "Contracts"), ("environments", "Environments"), ("times", "Slow and flaky"),
    ]

    func document(_ body: String) -> String {
        let entries = Self.sections.map { name, words in
            "<a href=\"\(root)\(name).html\"\(name == section ? " aria-current=\"page\"" : "")>\(words)</a>"
        }
        let search =
            isServed
            ? "<form action=\"\(root)search.html\" role=\"search\"><input type=\"search\" name=\"q\" "
                + "placeholder=\"Search ( / )\" aria-label=\"Search components and targets\" autocomplete=\"off\"></form>"
            : ""
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="\(Self.policy)">
            <meta name="referrer" content="no-referrer">
            <link rel="icon" href="data:,">
            <title>\(Markup.text(title)) · \(Markup.text(workspace))</title>
            <link rel="stylesheet" href="\(root)style.css">
            <script src="\(root)app.js" defer></script>
            </head>
            <body>
            <a class="skip" href="#page">To the page</a>
            <div class="bar"><a class="brand" href="\(root)index.html">\(Markup.text(workspace))</a>
            <nav aria-label="Pages">\(entries.joined(separator: "\n"))</nav>
            \(search)</div>
            <div id="page">
            \(body)</div>
            </body>
            </html>

            """
    }

    /// Everything comes from the server itself, and nothing is run that stands in a page.
    static let policy =
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        + "form-action 'self'; base-uri 'none'"

    static let style =
        RunPage.style + """

            .skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;background:var(--back);padding:4px 8px}
            .bar{display:flex;flex-wrap:wrap;align-items:center;gap:6px 18px;border-bottom:1px solid var(--line);padding-bottom:10px;margin-bottom:18px}
            .brand{font-weight:600;text-decoration:none;overflow-wrap:anywhere}
            nav{display:flex;flex-wrap:wrap;gap:2px 14px;flex:1}nav a{text-decoration:none;color:var(--soft);padding:3px 0;border-bottom:2px solid transparent}
            nav a:hover{color:var(--ink)}nav a[aria-current]{color:var(--ink);border-color:var(--ran)}
            input[type=search]{font:inherit;padding:5px 10px;width:220px;max-width:100%;background:var(--box);color:inherit;border:1px solid var(--line);border-radius:6px}
            .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(260px,1fr));gap:10px}.card{padding:10px 14px;background:var(--box);border:1px solid var(--line);border-radius:8px}
            .card h2{margin:0 0 4px}.hash{font:13px ui-monospace,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
            .good{color:var(--good)}.bad{color:var(--bad)}.badge.good,.badge.bad,.badge.open{color:var(--back)}.badge.open{background:var(--ran)}
            #live:empty{display:none}.gone{display:none}.meter{height:8px;background:var(--line);border-radius:4px;overflow:hidden;margin:8px 0}
            progress{width:100%;height:10px;accent-color:var(--ran)}ul.plain{list-style:none;padding:0;margin:4px 0}
            .matrix td,.matrix th{white-space:nowrap;text-align:center;padding:3px 8px}.matrix th:first-child{text-align:left}
            .verified{color:var(--good)}.failed{color:var(--bad)}.to-do,.pending{color:var(--ran)}
            td.long{white-space:normal;overflow-wrap:anywhere;min-width:150px}
            td.whole,td .hash{white-space:nowrap}section>h3{margin:16px 0 4px}td ul.plain{margin:0}
            @media(max-width:600px){form,input[type=search]{width:100%}.wide td:nth-child(1){min-width:170px}.wide td.hash{white-space:nowrap}.wide td.long.hash{white-space:normal}}
            @media(max-width:600px){.stack tr{display:flex;flex-wrap:wrap;gap:0 14px;padding:5px 0;border-bottom:1px solid var(--line)}.stack tr:first-child,.stack td.when{display:none}.stack td{border:0;padding:0}.stack td.long{flex-basis:100%}}
            """

    /// Live parts, filters, and `/` for the search. Without it everything can be read as well.
    static let script = """
        'use strict';
        for (const place of document.querySelectorAll('[data-live]')) {
          const source = new EventSource(place.dataset.live);
          source.onmessage = event => { place.innerHTML = JSON.parse(event.data).html; place.dataset.seen = event.lastEventId; };
          source.addEventListener('end', () => source.close());
        }
        for (const field of document.querySelectorAll('input[data-filter]')) {
          const rows = document.getElementById(field.dataset.filter).querySelectorAll('tr[data-name]');
          field.addEventListener('input', () => {
            const wanted = field.value.toLowerCase();
            for (const row of rows) row.classList.toggle('gone', !row.dataset.name.includes(wanted));
          });
        }
        document.addEventListener('keydown', event => {
          if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
          if (/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
          const field = document.querySelector('input[data-filter]') || document.querySelector('input[type=search]');
          if (field) { event.preventDefault(); field.focus(); }
        });

        """
}

/// Links to pages, from a page at some depth.
struct PageLinks {
    let root: String

    func run(_ id: String) -> String { "\(root)runs/\(Markup.text(id)).html" }

    func component(_ name: String) -> String { "\(root)components/\(Markup.text(name)).html" }

    /// A link that shows `label`.
    func target(_ label: String) -> String {
        "<a href=\"\(root)\(Self.targetPath(label))\">\(Markup.text(label))</a>"
    }

    func components(_ names: [String]) -> String {
        names.map { "<a href=\"\(component($0))\">\(Markup.text($0))</a>" }.joined(separator: ", ")
    }

    /// `targets/component~stage.html`, for a pair `targets/component~stage~~consumer.html`: names hold no `~`, and nothing else
    /// that a path does not take.
    static func targetPath(_ label: String) -> String {
        var name = ""
        for character in label.unicodeScalars {
            switch character {
            case ":": name += "~"
            case "[": name += "~~"
            case "]": break
            default: name.unicodeScalars.append(character)
            }
        }
        return "targets/\(Markup.text(name)).html"
    }

    /// The label whose page is called `name`, without its ending; nil where no label's page is called so.
    static func label(ofPage name: String) -> String? {
        let parts = name.split(separator: "~", omittingEmptySubsequences: false).map(String.init)
        let label: String
        switch parts.count {
        case 2: label = "\(parts[0]):\(parts[1])"
        case 4 where parts[2].isEmpty: label = "\(parts[0]):\(parts[1])[\(parts[3])]"
        default: return nil
        }
        return targetPath(label) == "targets/\(name).html" ? label : nil
    }
}
