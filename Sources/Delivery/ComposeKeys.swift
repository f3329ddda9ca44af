// Which keys a Compose file may have, and what kind of scalar some of them take. Does not know what they mean.

/// The keys of the Compose specification, by place.
enum ComposeKeys {
    /// At the top.
    static let top: Set<String> = ["version", "name", "services", "networks", "volumes", "configs", "secrets"]

    static let service: Set<String> = words(
        """
        annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count
        cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on deploy
        develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file environment expose extends
        external_links extra_hosts group_add healthcheck hostname image init ipc isolation labels links logging mac_address
        mem_limit mem_reservation mem_swappiness memswap_limit network_mode networks oom_kill_disable oom_score_adj pid
        pids_limit platform ports privileged pull_policy read_only restart runtime scale secrets security_opt shm_size
        stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits user userns_mode uts volumes
        volumes_from working_dir
        """)

    /// Known to Compose, but not to be had here, with the reason.
    static let refused: [String: String] = [
        "services.*.profiles": "leave the service out, and add it in a stack file of the environments that want it",
        "services.*.extends.profiles": "leave it out",
        "include": "name the files after 'stack' in the environment",
        "services.*.provider": "only services that are containers are deployed",
    ]

    private static let below: [String: Set<String>] = [
        "services.*.deploy": words(
            "endpoint_mode labels mode placement replicas resources restart_policy rollback_config update_config"),
        "services.*.deploy.update_config": words("parallelism delay failure_action monitor max_failure_ratio order"),
        "services.*.deploy.rollback_config": words("parallelism delay failure_action monitor max_failure_ratio order"),
        "services.*.deploy.restart_policy": words("condition delay max_attempts window"),
        "services.*.deploy.resources": words("limits reservations"),
        "services.*.deploy.resources.limits": words("cpus memory pids"),
        "services.*.deploy.placement": words("constraints preferences max_replicas_per_node"),
        "services.*.healthcheck": words("test interval timeout retries start_period start_interval disable"),
        "services.*.logging": words("driver options"),
        "services.*.extends": words("service file"),
        "configs.*": words("file content environment external name labels template_driver"),
        "secrets.*": words("file environment external name labels driver driver_opts template_driver"),
        "networks.*": words(
            "attachable driver driver_opts enable_ipv4 enable_ipv6 external internal ipam labels name"),
        "volumes.*": words("driver driver_opts external labels name"),
    ]

    private static func words(_ text: String) -> Set<String> {
        Set(text.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init))
    }

    /// The keys that may stand at `place`; nil where any may.
    static func known(at place: String) -> Set<String>? {
        switch place {
        case "": top
        case "services.*": service
        default: below[place]
        }
    }

    /// The pattern that a path of keys falls under: names of services and of resources are `*`.
    static func place(_ path: [String]) -> String {
        var parts = path
        if parts.count > 1, ["services", "configs", "secrets", "networks", "volumes"].contains(parts[0]) {
            parts[1] = "*"
        }
        return parts.joined(separator: ".")
    }

    // MARK: Types

    enum Scalar { case whole, number, bool }

    /// What the value at a place is after its variables are replaced: a text there is read as that. `[]` is any element.
    static func scalar(at place: String) -> Scalar? { scalars[place] }

    private static let scalars: [String: Scalar] = {
        var all: [String: Scalar] = [:]
        func add(_ kind: Scalar, _ text: String, at prefix: String) {
            for word in words(text) { all[prefix + word] = kind }
        }
        add(
            .whole,
            """
            cpu_count cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares oom_score_adj pids_limit scale
            deploy.replicas deploy.update_config.parallelism deploy.rollback_config.parallelism
            deploy.restart_policy.max_attempts deploy.placement.max_replicas_per_node deploy.resources.limits.pids
            healthcheck.retries configs.[].mode secrets.[].mode ports.[].target
            """, at: "services.*.")
        add(
            .number, "cpu_percent deploy.update_config.max_failure_ratio deploy.rollback_config.max_failure_ratio",
            at: "services.*.")
        add(
            .bool,
            "init healthcheck.disable oom_kill_disable privileged read_only stdin_open tty volumes.[].read_only volumes.[].volume.nocopy",
            at: "services.*.")
        add(.bool, "external internal attachable", at: "networks.*.")
        for kind in ["volumes", "configs", "secrets"] { add(.bool, "external", at: kind + ".*.") }
        return all
    }()
}
