// The pages about components, targets, contracts and environments, and the search. Does not know how any of it was found.
import BuildEngine
import History
import Reporting

enum SystemPages {
    /// Rows that a list shows; the search finds the others.
    static let most = 3000

    static func components(_ system: SystemView, _ links: PageLinks) -> String {
        let targets = system.components.flatMap(\.targets).filter { $0.isCached != nil }
        let cached = targets.count { $0.isCached == true }
        var text =
            "<h1>Components</h1>\n<p class=\"soft\">\(system.components.count) components, \(targets.count) targets, "
        text += "\(cached) of them cached.</p>\n"
        text +=
            "<p><input type=\"search\" data-filter=\"list\" placeholder=\"Filter ( / )\" aria-label=\"Filter by name\"></p>\n"
        return text + table(system.components.prefix(most), links) + more(system.components.count - most)
    }

    private static func table(_ components: some Sequence<ComponentView>, _ links: PageLinks) -> String {
        var text = "<div class=\"wide\" tabindex=\"0\"><table id=\"list\">\n"
        text += "<tr><th>component</th><th>kind</th><th>cached</th><th>folder</th><th>owners</th></tr>\n"
        for component in components {
            let own = component.targets.filter { $0.isCached != nil }
            let cached = own.count { $0.isCached == true }
            text += "<tr data-name=\"\(Markup.text(component.name.lowercased()))\">"
            text += "<td><a href=\"\(links.component(component.name))\">\(Markup.text(component.name))</a></td>"
            text += "<td>\(Markup.text(component.kind))</td>"
            text += "<td class=\"\(cached == own.count ? "good" : "")\">\(cached) of \(own.count)</td>"
            text += "<td class=\"long\">\(Markup.text(component.folder))</td>"
            text += "<td class=\"long\">\(Markup.text(component.owners.joined(separator: " ")))</td></tr>\n"
        }
        return text + "</table></div>\n"
    }

    private static func more(_ count: Int) -> String {
        count > 0 ? "<p class=\"soft\">and \(count) more: the search finds them</p>\n" : ""
    }

    static func component(_ component: ComponentView, _ statistics: RunStatistics, _ links: PageLinks) -> String {
        var text = "<h1>\(Markup.text(component.name)) <span class=\"id\">\(Markup.text(component.kind))</span></h1>\n"
        var facts = [("folder", Markup.text(component.folder.isEmpty ? "." : component.folder))]
        facts.append(("owners", Markup.text(component.owners.joined(separator: " "))))
        facts.append(("uses", links.components(component.uses)))
        facts.append(("used by", links.components(component.usedBy)))
        facts.append(("consumes", links.components(component.consumes)))
        facts.append(("consumed by", links.components(component.consumedBy)))
        text += "<div class=\"wide\" tabindex=\"0\"><table>\n"
        for (name, value) in facts where !value.isEmpty {
            text += "<tr><th scope=\"row\">\(name)</th><td class=\"long\">\(value)</td></tr>\n"
        }
        text += "</table></div>\n<section><h2>Targets</h2>\n"
        return text + targets(component.targets, statistics, links) + "</section>\n"
    }

    private static func targets(
        _ rows: some Collection<TargetRow>, _ statistics: RunStatistics, _ links: PageLinks
    ) -> String {
        let failing = Set(statistics.failing.map(\.label))
        let medians = Dictionary(statistics.slowest.map { ($0.label, $0.median) }) { first, _ in first }
        var text = "<div class=\"wide\" tabindex=\"0\"><table>\n"
        text += "<tr><th>target</th><th>state</th><th>median time</th><th>input hash</th></tr>\n"
        for row in rows {
            text += "<tr><td>\(links.target(row.label))</td><td>\(state(row, failing.contains(row.label)))</td>"
            text +=
                "<td>\(medians[row.label]?.shown ?? "")</td><td class=\"hash\">\(Markup.text(String(row.hash.prefix(12))))</td></tr>\n"
        }
        return text + "</table></div>\n"
    }

    private static func state(_ row: TargetRow, _ isFailing: Bool) -> String {
        guard let isCached = row.isCached else { return "<span class=\"soft\">group</span>" }
        if isCached { return "<span class=\"good\">cached</span>" }
        return isFailing ? "<span class=\"bad\">failed</span>" : "to do"
    }

    static func target(_ target: TargetView, _ statistics: RunStatistics, _ links: PageLinks) -> String {
        let isFailing = statistics.failing.contains { $0.label == target.row.label }
        var text =
            "<h1>\(Markup.text(target.row.label)) <span class=\"id\">\(state(target.row, isFailing))</span></h1>\n"
        text += "<p>of <a href=\"\(links.component(target.component))\">\(Markup.text(target.component))</a></p>\n"
        text += "<p class=\"hash\">\(Markup.text(target.row.hash))</p>\n"
        text +=
            "<section><h2>Why</h2><pre tabindex=\"0\">\(Markup.log(Array(target.explanation.utf8)))</pre></section>\n"
        if let facts = statistics.slowest.first(where: { $0.label == target.row.label }) {
            let often = facts.runs == 1 ? "Ran once" : "Ran \(facts.runs) times"
            text += "<p class=\"soft\">\(often) in the last runs, median \(facts.median.shown), "
            text += "longest \(facts.longest.shown).</p>\n"
        }
        text += list("Needs", target.needs, links) + list("Needed by", target.neededBy, links)
        text += "<section><h2>Input files</h2><p class=\"soft\">\(target.inputCount) files"
        text += target.inputCount > target.inputs.count ? ", the first \(target.inputs.count) here" : ""
        text += "</p><div class=\"wide\" tabindex=\"0\"><table>\n"
        for input in target.inputs {
            text += "<tr><td class=\"long\">\(Markup.text(input.path))</td>"
            text += "<td class=\"hash\">\(Markup.text(String(input.digest.prefix(12))))</td></tr>\n"
        }
        text += "</table></div></section>\n<section><h2>What else the hash covers</h2>"
        text += "<div class=\"wide\" tabindex=\"0\"><table>\n"
        for setting in target.settings {
            text += "<tr><td>\(Markup.text(setting.name))</td>"
            text += "<td class=\"long\"><pre>\(Markup.log(Array(setting.value.utf8)))</pre></td></tr>\n"
        }
        return text + "</table></div></section>\n"
    }

    private static func list(_ title: String, _ labels: [String], _ links: PageLinks) -> String {
        if labels.isEmpty { return "" }
        let shown = labels.prefix(200).map { "<li>\(links.target($0))</li>" }.joined(separator: "\n")
        return "<section><h2>\(title)</h2><ul class=\"plain\">\(shown)</ul>\(more(labels.count - 200))</section>\n"
    }

    static func search(_ words: String, _ system: SystemView, _ links: PageLinks) -> String {
        let wanted = words.lowercased()
        var text = "<h1>Search</h1>\n"
        if wanted.isEmpty { return text + "<p class=\"soft\">A part of a name finds components and targets.</p>\n" }
        let components = system.components.filter { $0.name.lowercased().contains(wanted) }
        let targets = system.components.flatMap(\.targets).filter { $0.label.lowercased().contains(wanted) }
        text += "<p class=\"soft\">\(components.count) components and \(targets.count) targets have "
        text += "‘\(Markup.text(words))’ in their names.</p>\n"
        if !components.isEmpty { text += table(components.prefix(100), links) + more(components.count - 100) }
        if !targets.isEmpty {
            text += "<ul class=\"plain\">"
            text += targets.prefix(200).map { "<li>\(links.target($0.label))</li>" }.joined(separator: "\n")
            text += "</ul>\n" + more(targets.count - 200)
        }
        return text
    }

    static func environments(_ environments: [EnvironmentView], _ links: PageLinks) -> String {
        var text = "<h1>Environments</h1>\n"
        if environments.isEmpty { return text + "<p class=\"soft\">No environment is declared.</p>\n" }
        for environment in environments { text += section(environment) }
        return text
    }

    private static func section(_ environment: EnvironmentView) -> String {
        let state =
            environment.problem != nil || environment.release == nil
            ? ("", environment.problem == nil ? "nothing deployed" : "not known")
            : environment.drifts.isEmpty ? ("good", "as released") : ("bad", "drift")
        var text = "<section><h2>\(Markup.text(environment.name)) <span class=\"badge \(state.0)\">\(state.1)</span> "
        text += "<span class=\"id\">\(Markup.text(environment.engine))</span></h2>\n"
        if let problem = environment.problem { text += "<p class=\"soft\">\(Markup.text(problem))</p>\n" }
        if let release = environment.release {
            text += "<p>release <span class=\"hash\">\(Markup.text(String(release.prefix(12))))</span>"
            text +=
                environment.commit.map {
                    " of commit <span class=\"hash\">\(Markup.text(String($0.prefix(12))))</span>"
                } ?? ""
            text += "</p>\n"
        }
        if !environment.drifts.isEmpty {
            text += "<ul>" + environment.drifts.map { "<li class=\"bad\">\(Markup.text($0))</li>" }.joined() + "</ul>\n"
        }
        if !environment.services.isEmpty {
            text += "<div class=\"wide\" tabindex=\"0\"><table><tr><th>service</th><th>up</th><th>image</th></tr>\n"
            for service in environment.services {
                text += "<tr><td>\(Markup.text(service.name))</td>"
                text +=
                    "<td class=\"\(service.up == service.wanted ? "good" : "bad")\">\(service.up) of \(service.wanted)</td>"
                text += "<td class=\"long hash\">\(Markup.text(service.image))</td></tr>\n"
            }
            text += "</table></div>\n"
        }
        text += environment.gaps.map { EnvironmentGapPage.section($0, of: environment.name) }.joined()
        return text + deployments(environment.deployments) + "</section>\n"
    }

    private static func deployments(_ deployments: [EnvironmentView.Deployment]) -> String {
        if deployments.isEmpty { return "" }
        var text =
            "<details><summary>\(deployments.count) deployments</summary><div class=\"wide\" tabindex=\"0\"><table>\n"
        text += "<tr><th>when</th><th>what</th><th>release</th><th>end</th><th>who and why</th></tr>\n"
        for deployment in deployments.prefix(100) {
            text += "<tr><td>\(UTCTime(seconds: deployment.time).shown)</td><td>\(Markup.text(deployment.action))</td>"
            text += "<td class=\"hash\">\(Markup.text(String(deployment.release.prefix(12))))</td>"
            text += "<td>\(Markup.text(deployment.end))</td>"
            let why = deployment.why.isEmpty ? deployment.who : "\(deployment.who): \(deployment.why)"
            text += "<td class=\"long\">\(Markup.text(why))</td></tr>\n"
        }
        return text + "</table></div></details>\n"
    }
}
