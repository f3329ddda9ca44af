// swift-tools-version: 6.2
import PackageDescription

// The checks build with warnings as errors; a user with a newer compiler than ours does not.
let strictness: [SwiftSetting] =
    Context.environment["LMSBUILD_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)]

let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + strictness

let package = Package(
    name: "lmsbuild",
    products: [.executable(name: "lmsbuild", targets: ["lmsbuild"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
    ],
    targets: [
        .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
        .systemLibrary(name: "CLibcrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CLinux"),
        .target(name: "CXXH3"),
        .target(name: "Buildfile", swiftSettings: settings),
        .target(
            name: "BuildGraph", dependencies: ["Buildfile", "CXXH3", "CLibcrypto", "CLinux"],
            swiftSettings: settings),
        .target(
            name: "BuildEngine", dependencies: ["BuildGraph", "Buildfile", "CLinux", "CZlib"], swiftSettings: settings),
        .target(name: "Delivery", dependencies: ["BuildEngine", "BuildGraph", "Buildfile"], swiftSettings: settings),
        .target(
            name: "Contracts", dependencies: ["BuildEngine", "BuildGraph", "Buildfile"], swiftSettings: settings),
        .target(
            name: "Reporting", dependencies: ["BuildEngine", "BuildGraph", "Buildfile", "CLinux"],
            swiftSettings: settings),
        .target(
            name: "History", dependencies: ["Reporting", "BuildEngine", "BuildGraph", "Buildfile", "CSQLite"],
            swiftSettings: settings),
        .target(
            name: "Dashboard", dependencies: ["History", "Reporting", "BuildEngine", "BuildGraph", "Buildfile"],
            swiftSettings: settings),
        .executableTarget(
            name: "lmsbuild",
            dependencies: [
                "Buildfile", "BuildGraph", "BuildEngine", "Contracts", "Delivery", "Reporting", "History", "Dashboard",
                "CLinux",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .target(
            name: "BuildTestSupport", dependencies: ["Buildfile", "BuildGraph", "BuildEngine", "CLinux"],
            path: "Tests/BuildTestSupport", swiftSettings: settings),
        .testTarget(
            name: "BuildfileTests", dependencies: ["Buildfile", "BuildTestSupport"], swiftSettings: settings),
        .testTarget(
            name: "BuildGraphTests", dependencies: ["BuildGraph", "Buildfile", "BuildTestSupport", "CXXHash"],
            swiftSettings: settings),
        .testTarget(
            name: "BuildEngineTests", dependencies: ["BuildEngine", "BuildGraph", "Buildfile", "BuildTestSupport"],
            exclude: ["Reports"], swiftSettings: settings),
        .testTarget(
            name: "ContractsTests",
            dependencies: ["Contracts", "BuildEngine", "BuildGraph", "Buildfile", "BuildTestSupport"],
            exclude: ["Cases"], swiftSettings: settings),
        .testTarget(
            name: "DeliveryTests",
            dependencies: ["Delivery", "BuildEngine", "BuildGraph", "Buildfile", "BuildTestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "ReportingTests",
            dependencies: ["Reporting", "BuildEngine", "BuildGraph", "Buildfile", "BuildTestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "HistoryTests",
            dependencies: ["History", "Reporting", "BuildEngine", "BuildGraph", "Buildfile", "BuildTestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "DashboardTests",
            dependencies: [
                "Dashboard", "History", "Reporting", "BuildEngine", "BuildGraph", "Buildfile", "BuildTestSupport",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "CommandTests",
            dependencies: ["lmsbuild", "BuildEngine", "BuildGraph", "Buildfile", "BuildTestSupport"],
            exclude: ["Browser"], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
