import unittest
from datetime import date, timedelta

from lending import policy

FRIDAY = date(2024, 3, 1)


class DueDayTest(unittest.TestCase):
    def test_each_category_has_its_length(self):
        self.assertEqual(policy.due_day("adult", FRIDAY), date(2024, 3, 29))
        self.assertEqual(policy.due_day("student", FRIDAY), date(2024, 4, 12))
        self.assertEqual(policy.due_day("child", FRIDAY), date(2024, 3, 22))

    def test_a_weekend_becomes_monday(self):
        monday = date(2024, 3, 4)
        self.assertEqual(policy.open_day(date(2024, 3, 2)), monday)
        self.assertEqual(policy.open_day(date(2024, 3, 3)), monday)

    def test_weekdays_stay(self):
        for offset in range(5):
            day = date(2024, 3, 4) + timedelta(days=offset)
            self.assertEqual(policy.open_day(day), day)

    def test_a_hold_is_kept_a_week(self):
        self.assertEqual(policy.hold_expiry(FRIDAY), date(2024, 3, 8))
        self.assertEqual(policy.hold_expiry(date(2024, 3, 2)), date(2024, 3, 11))


class RenewalTest(unittest.TestCase):
    def test_a_renewal_counts_from_today(self):
        self.assertEqual(policy.renewed_day("adult", FRIDAY, FRIDAY, 0), date(2024, 3, 29))

    def test_a_renewal_never_shortens(self):
        due = date(2024, 6, 3)
        self.assertEqual(policy.renewed_day("child", due, FRIDAY, 0), due)

    def test_two_renewals_and_no_third(self):
        self.assertIsNotNone(policy.renewed_day("adult", FRIDAY, FRIDAY, 1))
        self.assertIsNone(policy.renewed_day("adult", FRIDAY, FRIDAY, 2))
        self.assertIsNone(policy.renewed_day("adult", FRIDAY, FRIDAY, 3))

    def test_a_late_loan_is_not_renewed(self):
        self.assertIsNone(policy.renewed_day("adult", FRIDAY, FRIDAY + timedelta(days=1), 0))


class LateTest(unittest.TestCase):
    def test_the_due_day_is_not_late(self):
        self.assertEqual(policy.days_late(FRIDAY, FRIDAY), 0)
        self.assertEqual(policy.days_late(FRIDAY, FRIDAY - timedelta(days=5)), 0)

    def test_days_are_counted(self):
        self.assertEqual(policy.days_late(FRIDAY, FRIDAY + timedelta(days=1)), 1)
        self.assertEqual(policy.days_late(FRIDAY, FRIDAY + timedelta(days=40)), 40)

    def test_stages_of_a_reminder(self):
        expected = {-1: "overdue", 0: "due-soon", 3: "due-soon", 4: None, 30: None}
        for left, stage in expected.items():
            self.assertEqual(policy.stage(FRIDAY + timedelta(days=left), FRIDAY), stage, left)


class LimitTest(unittest.TestCase):
    def test_each_category_has_its_limit(self):
        for category, limit in (("adult", 10), ("student", 15), ("child", 5)):
            self.assertIsNone(policy.may_borrow(category, limit - 1, 0))
            self.assertEqual(policy.may_borrow(category, limit, 0), "limit-reached")
            self.assertEqual(policy.may_borrow(category, limit + 1, 0), "limit-reached")

    def test_one_late_loan_is_enough(self):
        self.assertEqual(policy.may_borrow("adult", 1, 1), "has-late-loans")
        self.assertEqual(policy.may_borrow("adult", 10, 1), "has-late-loans")


if __name__ == "__main__":
    unittest.main()
