import unittest

from catalog.isbn import check_digit, normalise


class IsbnTest(unittest.TestCase):
    def test_thirteen_digits_stay(self):
        self.assertEqual(normalise("9780131103627"), "9780131103627")

    def test_hyphens_and_spaces_do_not_count(self):
        self.assertEqual(normalise("978-0-13-110362 7"), "9780131103627")

    def test_ten_digits_become_thirteen(self):
        self.assertEqual(normalise("0-306-40615-2"), "9780306406157")

    def test_a_final_x_is_ten(self):
        self.assertEqual(normalise("0-8044-2957-x"), "9780804429573")

    def test_check_digits_from_zero_to_nine(self):
        self.assertEqual(check_digit("978000000004"), "0")
        self.assertEqual(check_digit("979000000000"), "1")
        self.assertEqual(check_digit("978186197271"), "2")
        self.assertEqual(check_digit("978000000001"), "9")

    def test_each_wrong_digit_is_noticed(self):
        good = "9780131103627"
        for place in range(3, 13):
            digit = str((int(good[place]) + 1) % 10)
            self.assertIsNone(normalise(good[:place] + digit + good[place + 1:]), place)

    def test_each_wrong_digit_of_ten_is_noticed(self):
        good = "0306406152"
        for place in range(10):
            digit = str((int(good[place]) + 1) % 10)
            self.assertIsNone(normalise(good[:place] + digit + good[place + 1:]), place)

    def test_other_texts_are_none(self):
        for text in ("", "978", "abcdefghij", "97801311036270",
                     "9770131103627", "X306406152", "030640615?", "030640615[", "٩780131103627"):
            self.assertIsNone(normalise(text), text)


if __name__ == "__main__":
    unittest.main()
