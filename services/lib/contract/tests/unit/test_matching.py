import unittest

from contract.matching import differences
from contract.verify import check


def rule(match, **more):
    return {"matchers": [{"match": match, **more}]}


class MatchingTest(unittest.TestCase):
    def test_equal_values_match(self):
        self.assertEqual(differences({"a": [1, "x", None]}, {"a": [1, "x", None]}), [])

    def test_more_members_are_allowed(self):
        self.assertEqual(differences({"a": 1}, {"a": 1, "b": 2}), [])

    def test_a_missing_member_is_named_with_its_place(self):
        self.assertEqual(differences({"a": {"b": 1}}, {"a": {}}), ["$.a.b: is missing"])

    def test_a_different_value_shows_both(self):
        self.assertEqual(differences({"a": 1}, {"a": 2}), ["$.a: expected 1, got 2"])

    def test_true_is_no_number(self):
        self.assertEqual(len(differences({"a": 1}, {"a": True})), 1)

    def test_arrays_have_the_same_length_without_a_rule(self):
        self.assertEqual(differences([1], [1, 2]), ["$: expected 1 items, got 2"])

    def test_type_accepts_another_value_of_the_type(self):
        self.assertEqual(differences({"a": "x"}, {"a": "y"}, {"$.a": rule("type")}), [])

    def test_type_refuses_another_type(self):
        found = differences({"a": "x"}, {"a": 5}, {"$.a": rule("type")})
        self.assertEqual(found, ["$.a: expected string, got number 5"])

    def test_type_holds_below_its_place(self):
        self.assertEqual(differences({"a": {"b": 1}}, {"a": {"b": 9}}, {"$.a": rule("type")}), [])

    def test_type_with_min_asks_for_items_like_the_first(self):
        rules = {"$.a": rule("type", min=1)}
        self.assertEqual(differences({"a": [{"n": 1}]}, {"a": [{"n": 2}, {"n": 3}]}, rules), [])
        self.assertEqual(differences({"a": [{"n": 1}]}, {"a": []}, rules),
                         ["$.a: expected at least 1 items, got 0"])
        self.assertEqual(differences({"a": [{"n": 1}]}, {"a": [{"n": "x"}]}, rules),
                         ["$.a[0].n: expected number, got string 'x'"])

    def test_regex_takes_the_whole_text(self):
        rules = {"$.a[*].b": rule("regex", regex="[0-9]+")}
        self.assertEqual(differences({"a": [{"b": "1"}]}, {"a": [{"b": "22"}]}, rules), [])
        self.assertEqual(len(differences({"a": [{"b": "1"}]}, {"a": [{"b": "22x"}]}, rules)), 1)

    def test_integer_refuses_fractions(self):
        rules = {"$.a": rule("integer")}
        self.assertEqual(differences({"a": 1}, {"a": 7}, rules), [])
        self.assertEqual(len(differences({"a": 1}, {"a": 7.5}, rules)), 1)

    def test_the_longest_rule_wins(self):
        rules = {"$": rule("type"), "$.a": rule("regex", regex="x+")}
        self.assertEqual(len(differences({"a": "x", "b": "1"}, {"a": "y", "b": "2"}, rules)), 1)


class CheckTest(unittest.TestCase):
    def test_a_wrong_status_is_the_only_difference_shown(self):
        found = check({"status": 200, "body": {"a": 1}}, 404, {}, {"error": "x"})
        self.assertEqual(found, ["status: expected 200, got 404 {'error': 'x'}"])

    def test_header_names_ignore_case(self):
        expected = {"status": 201, "headers": {"Location": "/x/1"},
                    "matchingRules": {"header": {"Location": rule("regex", regex="/x/[0-9]+")}}}
        self.assertEqual(check(expected, 201, {"location": "/x/77"}, None), [])
        self.assertEqual(check(expected, 201, {}, None), ["header $.location: is missing"])


if __name__ == "__main__":
    unittest.main()
